package io.sparkhawk.driver.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ReferencePageTest {

  @Test
  void theKeptPageIsTheOneThatTheRecordsGive() throws IOException {
    assertThat(Files.readString(Path.of("../docs/configuration.md")))
        .as(
            "docs/configuration.md is stale; run: deploy/bin/sparkhawk reference > docs/configuration.md")
        .isEqualTo(ReferencePage.render());
  }

  @Test
  void nestedRecordsAndListsOfRecordsHaveSectionsOfTheirOwn() {
    assertThat(ReferencePage.render())
        .contains("\n## `student`\n", "\n## `stages`, each element\n", "\n## `timeouts`\n")
        .contains("| `seed` | a whole number, also as 32K, 80M or 3B, at least 0 | `1` |")
        .contains("| `teacher` | a text | must be given |");
  }
}
