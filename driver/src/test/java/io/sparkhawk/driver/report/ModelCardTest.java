package io.sparkhawk.driver.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.driver.progress.SampleRun;
import io.sparkhawk.executor.checkpoint.RunHashes;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.train.StageSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.Yaml;

class ModelCardTest {

  private static final String TEACHER_HASH = "1".repeat(64);
  private static final String DATA_HASH = "2".repeat(64);
  private static final String TOKENIZER_HASH = "3".repeat(64);

  private static final PhiConfig PHI =
      new PhiConfig(2048, 24, 32, 8192, 51_200, 32, 1e4, 1e-5, 2048, false);

  @TempDir private Path folder;

  private static CardContent content(
      MixerKind mixer, List<Integer> attentionBlocks, String teacher, String data) {
    return new CardContent(
        SampleRun.summary(),
        List.of(
            stage(StageKind.MATRIX, 63_000, 3e-3),
            stage(StageKind.HIDDEN, 160_000, 2e-3),
            stage(StageKind.DISTILL, 320_000, 1e-3)),
        teacher,
        PHI,
        data,
        manifest(),
        new RunHashes("settings", DATA_HASH, TEACHER_HASH),
        StudentConfig.of(PHI, new StudentSettings(mixer, false, 64, 4, 1, 128, attentionBlocks)),
        "1.2.3");
  }

  private static StageSettings stage(StageKind kind, long tokens, double learningRate) {
    return new StageSettings(
        kind,
        tokens,
        1024,
        0,
        learningRate,
        0.1,
        0.1,
        0.1,
        0.9,
        0.95,
        1e-8,
        1,
        TrainedParts.MIXERS,
        HiddenTarget.MIXER,
        false);
  }

  private static DataManifest manifest() {
    return new DataManifest(
        DataManifest.FORMAT,
        256,
        51_200,
        0,
        TOKENIZER_HASH,
        "settings",
        "corpus",
        new CorpusCounts(1_482, 0, 3, 0),
        List.of(),
        split(4_571_136),
        split(82_176));
  }

  private static SplitManifest split(long tokens) {
    ShardEntry shard =
        new ShardEntry(tokens + ".arrow", tokens / 256, tokens, 4 * tokens, "0".repeat(64));
    return new SplitManifest(9, tokens, Map.of(), List.of(shard));
  }

  private static String plain() {
    return ModelCard.text(content(MixerKind.MAMBA2, List.of(), "teachers/phi", "data/books"));
  }

  /** The YAML head. */
  private static Map<String, Object> head(String card) {
    assertThat(card).startsWith("---\n");
    return new Yaml().load(card.substring(4, card.indexOf("\n---\n")));
  }

  /** The Markdown without its escapes, as a reader sees it. */
  private static String shown(String card) {
    return card.substring(card.indexOf("\n---\n")).replaceAll("\\\\(\\p{Punct})", "$1");
  }

  @Test
  void headIsMetadataOfTheHub() {
    Map<String, Object> head = head(plain());

    assertThat(head)
        .containsEntry("library_name", "sparkhawk")
        .containsEntry("pipeline_tag", "text-generation")
        .containsEntry("tags", List.of("distillation", "mohawk", "mamba2", "phi-mamba"))
        .doesNotContainKey("license");
    assertThat(head.get("model-index"))
        .isEqualTo(
            List.of(
                Map.of(
                    "name",
                    "quickstart",
                    "results",
                    List.of(
                        Map.of(
                            "task",
                            Map.of("type", "text-generation"),
                            "dataset",
                            Map.of("name", "books", "type", "books"),
                            "metrics",
                            List.of(
                                Map.of(
                                    "type",
                                    "perplexity",
                                    "value",
                                    37.41,
                                    "name",
                                    "Perplexity on held-out tokens")))))));
  }

  @Test
  void cardNamesTeacherDataAndEveryStage() {
    assertThat(shown(plain()))
        .contains("| Teacher | teachers/phi |")
        .contains("| SHA-256 of configuration and weights | " + TEACHER_HASH + " |")
        .contains("| Width | 2,048 |")
        .contains("| Data set | data/books |")
        .contains("| SHA-256 of the manifest | " + DATA_HASH + " |")
        .contains("| SHA-256 of the tokenizer | " + TOKENIZER_HASH + " |")
        .contains("| Training tokens | 4,571,136 |")
        .contains("| Held-out tokens | 82,176 |")
        .contains("| Matrix orientation | 63,488 | 62 | 3.00e-3 | 22.60 | 6.900 | 998.0 | 20,000 |")
        .contains(
            "| Hidden-state alignment | 160,768 | 157 | 2.00e-3 | 7.400 | 4.700 | 55.10 | 20,000 |")
        .contains(
            "| End-to-end distillation | 320,512 | 313 | 1.00e-3 | 5.120 | 3.640 | 37.90 | 20,000"
                + " |")
        .contains("| Teacher | 19.65 |")
        .contains("| Student | 37.41 |")
        .contains("first 82,176 held-out tokens")
        .contains("| State size | 64 |")
        .contains("| Blocks with the teacher's attention | none |")
        .contains("Sparkhawk 1.2.3");
  }

  @Test
  void onlyStudentsOfTheReferencesKindAreSaidToLoadThere() {
    assertThat(plain())
        .contains("sparkhawk generate --model")
        .contains("LMHeadModel.from_pretrained")
        .contains("strict=True");

    String lowRank = ModelCard.text(content(MixerKind.LOW_RANK, List.of(4, 10), "phi", "books"));
    assertThat(lowRank)
        .contains("sparkhawk generate --model")
        .doesNotContain("LMHeadModel")
        .contains("no mixer of this kind");
    assertThat(shown(lowRank)).contains("attention | [4, 10] |");
    assertThat(head(lowRank))
        .containsEntry("tags", List.of("distillation", "mohawk", "low-rank", "hybrid"));
  }

  @Test
  void namesStayTextWhateverTheyHold() {
    String evil = "a|b\n| c | <script>x</script> `d` [e](http://f) **g** &lt; \\ # \u0007\u202e";
    String card = ModelCard.text(content(MixerKind.MAMBA2, List.of(), evil, evil));

    assertThat(card.lines()).hasSameSizeAs(plain().lines().toList());
    assertThat(card.lines().filter(line -> line.startsWith("| Teacher | a")))
        .containsExactly(
            "| Teacher | a\\|b \\| c \\| \\<script\\>x\\</script\\> \\`d\\`"
                + " \\[e\\]\\(http\\://f\\) \\*\\*g\\*\\* \\&lt; \\\\ \\#   |");
    assertThat(head(card)).containsKey("model-index");
  }

  @Test
  void aPerplexityThatIsNotThereIsNotInTheHead() {
    CardContent known = content(MixerKind.MAMBA2, List.of(), "phi", "books");
    CardContent unknown =
        new CardContent(
            RunSummary.of("short").stages(SampleRun.stages()).build(),
            known.stages(),
            known.teacher(),
            known.teacherConfig(),
            known.data(),
            known.manifest(),
            known.hashes(),
            known.student(),
            known.version());

    String card = ModelCard.text(unknown);

    assertThat(head(card)).doesNotContainKey("model-index");
    assertThat(card).contains("| Student | n/a |");
  }

  @Test
  void cardReplacesAnEarlierOne() throws IOException {
    org.apache.hadoop.fs.Path file =
        new org.apache.hadoop.fs.Path(folder.toUri().getPath(), ModelCard.FILE_NAME);
    Files.writeString(folder.resolve("README.md"), "old");

    ModelCard.write(
        FileSystem.getLocal(new Configuration(false)),
        file,
        content(MixerKind.MAMBA2, List.of(), "teachers/phi", "data/books"));

    assertThat(folder.resolve("README.md")).hasContent(plain());
  }
}
