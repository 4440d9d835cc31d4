package io.sparkhawk.driver.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.compare.MatrixPair;
import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.compare.TextPair;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparisonFileTest {

  private static final ModelComparison COMPARISON =
      new ModelComparison(
          List.of("\u00e4", "\n", " \"b\""),
          List.of(new MatrixPair(2, 1, 0.1 + 0.2, "AAEC/w==", "Aw==")),
          List.of(new TextPair("once", " upon", " a\ntime")));

  @TempDir private java.nio.file.Path folder;

  private FileSystem files() throws IOException {
    return FileSystem.getLocal(new Configuration());
  }

  @Test
  void whatWasWrittenIsReadBack() throws IOException {
    Path run = new Path(folder.toUri());
    assertThat(ComparisonFile.read(files(), run)).isEmpty();
    ComparisonFile.write(files(), run, COMPARISON);
    assertThat(ComparisonFile.read(files(), run)).contains(COMPARISON);
    assertThat(Files.readString(folder.resolve("comparison.json")))
        .contains("\"distance\" : 0.30000000000000004", "\"teacher\" : \"AAEC/w==\"");
  }

  @Test
  void aFileOfSomethingElseIsRefusedByName() throws IOException {
    for (String content : List.of("{\"tokens\": 3}", "no JSON")) {
      Files.writeString(folder.resolve("comparison.json"), content);
      assertThatThrownBy(() -> ComparisonFile.read(files(), new Path(folder.toUri())))
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll("comparison.json", "Remove it");
    }
  }
}
