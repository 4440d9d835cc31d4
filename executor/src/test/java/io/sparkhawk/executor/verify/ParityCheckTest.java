package io.sparkhawk.executor.verify;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import io.sparkhawk.executor.tensor.ElementType;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ParityCheckTest {

  static final Path GOLDEN = Path.of("src/test/resources/golden");

  @ParameterizedTest
  @CsvSource({"pure, FLOAT64", "pure, FLOAT32", "hybrid, FLOAT64", "hybrid, FLOAT32"})
  void agreesWithTheReferenceImplementation(String name, ElementType type) {
    List<Comparison> comparisons =
        ParityCheck.run(GOLDEN.resolve(name), Device.cpu(), type, Tolerances.of(type));

    assertThat(comparisons).hasSizeGreaterThan(100);
    assertThat(comparisons).filteredOn(comparison -> !comparison.passes()).isEmpty();
  }
}
