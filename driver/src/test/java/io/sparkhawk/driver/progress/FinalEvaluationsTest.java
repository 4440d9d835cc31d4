package io.sparkhawk.driver.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.LossProfile;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FinalEvaluationsTest {

  @TempDir private java.nio.file.Path folder;
  private FileSystem files;
  private Path run;

  @BeforeEach
  void openFileSystem() throws IOException {
    files = FileSystem.getLocal(new Configuration());
    run = new Path(folder.toUri());
  }

  @Test
  void whatWasWrittenIsReadBack() {
    LossProfile profile =
        new LossProfile(
            List.of(new LossProfile.ByPosition(2, 2, 6.5, 3)),
            List.of(new LossProfile.BySource("book", 3.25, 3)));
    FinalEvaluations evaluations =
        new FinalEvaluations(
            new Evaluation(19.5, 4, List.of(), List.of(), profile),
            new Evaluation(38, 4, List.of(), List.of(), profile));
    assertThat(FinalEvaluations.read(files, run)).isEmpty();

    evaluations.write(files, run);

    assertThat(FinalEvaluations.read(files, run)).contains(evaluations);
  }

  @Test
  void evaluationsWithoutAProfileHaveAnEmptyOne() throws IOException {
    String model =
        "{\"perplexity\": 2, \"tokens\": 4, \"matrix_distances\": [], \"hidden_distances\": []}";
    Files.writeString(
        folder.resolve("evaluation.json"),
        "{\"teacher\": %s, \"student\": %s}".formatted(model, model));

    assertThat(FinalEvaluations.read(files, run).orElseThrow().student().profile())
        .isEqualTo(LossProfile.NONE);
  }

  @Test
  void aFileThatIsSomethingElseIsNamed() throws IOException {
    Files.writeString(folder.resolve("evaluation.json"), "{\"teacher\": 1}");
    assertThatThrownBy(() -> FinalEvaluations.read(files, run))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("evaluation.json");
  }
}
