package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReadmeTest {

  @Test
  void theTableIsThatOfTheComments() throws IOException {
    Kept.assertKept(
        "README.md", ValuesTable.inside(Chart.text("README.md"), Chart.text("values.yaml")));
  }

  @Test
  void everyValueIsDocumented() {
    assertThat(ValuesTable.values(Chart.text("values.yaml")))
        .hasSizeGreaterThan(80)
        .allSatisfy(value -> assertThat(value.meaning()).as(value.path()).endsWith("."));
  }

  @Test
  void aTableShowsPathDefaultAndComment() {
    assertThat(
            ValuesTable.values(
                """
                # A section.
                a:
                  # First line
                  # and second.
                  b: 1

                  # A list.
                  c: [x, {d: ""}]
                """))
        .isEqualTo(
            List.of(
                new ValuesTable.Value("a.b", "1", "First line and second."),
                new ValuesTable.Value("a.c", "[x, {d: \"\"}]", "A list.")));
  }
}
