package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RenderTest {

  @ParameterizedTest
  @MethodSource("io.sparkhawk.helm.Chart#valueSets")
  void rendersEveryValueSet(String valueSet) {
    assertThat(Chart.ofSet(valueSet).all()).hasSizeGreaterThan(4);
  }

  @ParameterizedTest
  @MethodSource("io.sparkhawk.helm.Chart#valueSets")
  void lintsStrictlyWithEveryValueSet(String valueSet, @TempDir Path scratch) throws IOException {
    var lint = Chart.lint(valueSet, scratch);
    assertThat(lint.isFailed()).as(String.join("\n", lint.getMessages())).isFalse();
  }
}
