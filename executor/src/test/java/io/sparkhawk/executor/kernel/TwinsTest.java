package io.sparkhawk.executor.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("gpu")
class TwinsTest {

  @ParameterizedTest
  @ValueSource(longs = {100, 3000, 50_000, 400_000, 3_000_000})
  void memoryHandedOutAfterPoisoningHoldsNan(long elements) {
    try (Twins twins = Twins.ofAnySeed()) {
      twins.poison();

      double[] held =
          Operators.toDoubles(Operators.empty(twins.gpu(), ElementType.BFLOAT16, elements));

      // Memory between two blocks, which libtorch rounds up, is not reached.
      assertThat(Arrays.stream(held).filter(Double::isNaN).count())
          .isGreaterThan(elements * 9 / 10);
    }
  }
}
