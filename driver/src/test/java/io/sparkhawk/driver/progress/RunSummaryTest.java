package io.sparkhawk.driver.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunSummaryTest {

  @TempDir java.nio.file.Path folder;
  private java.nio.file.Path local;
  private Path file;
  private FileSystem fileSystem;

  @BeforeEach
  void locate() throws IOException {
    local = folder.resolve(RunSummary.FILE_NAME);
    file = new Path(local.toUri());
    fileSystem = FileSystem.getLocal(new Configuration());
  }

  @Test
  void theFieldsHaveTheirPublishedNames() throws IOException {
    SampleRun.summary().write(fileSystem, file);

    assertThat(local)
        .hasContent(
            """
            {
              "run" : "quickstart",
              "workers" : 2,
              "seq_len" : 256,
              "teacher_perplexity" : 19.652,
              "student_initial_perplexity" : 1386.0,
              "stages" : [ {
                "name" : "matrix",
                "tokens" : 63488,
                "first_loss" : 22.6,
                "last_loss" : 6.9,
                "perplexity" : 998.0,
                "perplexity_tokens" : 20000,
                "seconds" : 31.2,
                "skipped_steps" : 0,
                "sent_bytes" : 0
              }, {
                "name" : "hidden",
                "tokens" : 160768,
                "first_loss" : 7.4,
                "last_loss" : 4.7,
                "perplexity" : 55.1,
                "perplexity_tokens" : 20000,
                "seconds" : 62.9,
                "skipped_steps" : 0,
                "sent_bytes" : 0
              }, {
                "name" : "distill",
                "tokens" : 320512,
                "first_loss" : 5.12,
                "last_loss" : 3.64,
                "perplexity" : 37.9,
                "perplexity_tokens" : 20000,
                "seconds" : 148.3,
                "skipped_steps" : 0,
                "sent_bytes" : 0
              } ],
              "student_perplexity" : 37.41,
              "perplexity_tokens" : 82176,
              "tokens" : 544768,
              "tokens_per_second" : 2247.3927392739274,
              "wall_seconds" : 281.4,
              "restarts" : 0,
              "lost_seconds" : 0.0,
              "skipped_steps" : 0,
              "events" : [ ]
            }
            """);
  }

  @Test
  void whatWasWrittenIsReadBack() {
    SampleRun.summary().write(fileSystem, file);

    assertThat(RunSummary.read(fileSystem, file)).isEqualTo(SampleRun.summary());
  }

  @Test
  void aRunWithoutStagesHasNullForWhatItDoesNotKnow() throws IOException {
    RunSummary.of("empty").build().write(fileSystem, file);

    assertThat(Files.readString(local))
        .contains("\"stages\" : [ ]")
        .contains("\"teacher_perplexity\" : null")
        .contains("\"tokens_per_second\" : null");
    assertThat(RunSummary.read(fileSystem, file).studentPerplexity()).isNaN();
  }

  @Test
  void fieldsOfANewerVersionAreIgnored() throws IOException {
    SampleRun.summary().write(fileSystem, file);
    Files.writeString(local, Files.readString(local).replaceFirst("\\{", "{\"colour\": 7,"));

    assertThat(RunSummary.read(fileSystem, file)).isEqualTo(SampleRun.summary());
  }

  @Test
  void aMissingOrBrokenSummaryIsNamed() throws IOException {
    assertThatThrownBy(() -> RunSummary.read(fileSystem, file))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(file.toString());

    Files.writeString(local, "{\"run\": \"quick");
    assertThatThrownBy(() -> RunSummary.read(fileSystem, file))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith(file + " is not the summary of a run: ");
  }

  @Test
  void resultsOfStagesAreKeptInTheOrderOfTheStages() {
    Path run = new Path(folder.toUri());
    List<StageResult> stages = SampleRun.stages();
    StageResults.write(fileSystem, run, stages.get(2));
    StageResults.write(fileSystem, run, stages.get(0));

    assertThat(StageResults.read(fileSystem, run)).containsExactly(stages.get(0), stages.get(2));
  }

  @Test
  void aDistanceOfABlockThatKeepsAttentionSurvivesAsNaN() {
    Path run = new Path(folder.toUri());
    StageResult stage = SampleRun.stages().get(0);
    Evaluation hybrid = new Evaluation(9, 10, List.of(1.0, Double.NaN), List.of(Double.NaN, 2.0));
    StageResult result = new StageResult(stage.stage(), 1, Double.NaN, 2, 3, hybrid, hybrid);
    StageResults.write(fileSystem, run, result);

    assertThat(StageResults.read(fileSystem, run)).containsExactly(result);
  }
}
