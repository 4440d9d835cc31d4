package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;
import static io.sparkhawk.driver.progress.Figures.measure;
import static io.sparkhawk.driver.progress.Figures.scientific;

import io.sparkhawk.driver.progress.RunFiles;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.train.StageSettings;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;

/**
 * Makes the {@code README.md} that lies beside a finished student: a model card in the form of the
 * Hugging Face hub, Markdown behind a YAML head. It says where the student comes from, how good it
 * is and how to load it. What the run does not know, such as a licence, is not there.
 */
public final class ModelCard {

  /** Name of the card in a student's folder. */
  public static final String FILE_NAME = "README.md";

  private final CardContent content;
  private final RunSummary summary;
  private final StudentConfig student;

  private ModelCard(CardContent content) {
    this.content = content;
    this.summary = content.summary();
    this.student = content.student();
  }

  /**
   * Writes the card, replacing an earlier one.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if it cannot be written
   */
  public static void write(FileSystem fileSystem, Path file, CardContent content) {
    RunFiles.write(fileSystem, file, text(content).getBytes(StandardCharsets.UTF_8));
  }

  /** The card as text. */
  static String text(CardContent content) {
    ModelCard card = new ModelCard(content);
    return String.join(
        "\n",
        "---\n" + card.head() + "---",
        card.introduction(),
        "## Teacher\n",
        card.teacher(),
        "## Data\n",
        card.data(),
        "## Training\n",
        card.training(),
        "## Evaluation\n",
        card.evaluation(),
        "## Architecture\n",
        card.architecture(),
        "## How to load it\n",
        card.loading(),
        "## Versions\n",
        "Written by Sparkhawk "
            + Markdown.escape(content.version())
            + " on Java "
            + Markdown.escape(Runtime.version().toString())
            + ".\n");
  }

  private String head() {
    Map<String, Object> head = new LinkedHashMap<>();
    head.put("library_name", "sparkhawk");
    head.put("pipeline_tag", "text-generation");
    head.put("tags", tags());
    if (Double.isFinite(summary.studentPerplexity())) {
      head.put("model-index", List.of(result()));
    }
    DumperOptions options = new DumperOptions();
    options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
    options.setWidth(Integer.MAX_VALUE);
    return new Yaml(options).dump(head);
  }

  private List<String> tags() {
    List<String> tags = new ArrayList<>(List.of("distillation", "mohawk", mixerLabel()));
    if (isOfTheReference()) {
      tags.add("phi-mamba");
    }
    if (!student.attentionBlocks().isEmpty()) {
      tags.add("hybrid");
    }
    return tags;
  }

  /** The perplexity, as the hub reads it. */
  private Map<String, Object> result() {
    String data = Markdown.line(new Path(content.data()).getName());
    Map<String, Object> metric = new LinkedHashMap<>();
    metric.put("type", "perplexity");
    metric.put("value", summary.studentPerplexity());
    metric.put("name", "Perplexity on held-out tokens");
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("task", Map.of("type", "text-generation"));
    result.put("dataset", orderedPair("name", data, "type", data));
    result.put("metrics", List.of(metric));
    return orderedPair("name", summary.run(), "results", List.of(result));
  }

  private static Map<String, Object> orderedPair(
      String first, Object firstValue, String second, Object secondValue) {
    Map<String, Object> pair = new LinkedHashMap<>();
    pair.put(first, firstValue);
    pair.put(second, secondValue);
    return pair;
  }

  private String mixerLabel() {
    return student.mixer().name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private boolean isOfTheReference() {
    return student.mixer() == MixerKind.MAMBA2;
  }

  private String introduction() {
    return """

        # %s

        A language model whose %s mixers stand in for a Transformer's attention, distilled by the
        stages of MOHAWK ([arXiv 2408.10189](https://arxiv.org/abs/2408.10189)) on %s tokens.
        """
        .formatted(Markdown.escape(summary.run()), mixerLabel(), count(summary.tokens()));
  }

  private String teacher() {
    PhiConfig sizes = content.teacherConfig();
    return Markdown.table(
        List.of("Teacher", content.teacher()),
        List.of(
            List.of("Kind", "Phi"),
            List.of("Blocks", count(sizes.blocks())),
            List.of("Width", count(sizes.width())),
            List.of("Heads", count(sizes.heads())),
            List.of("Vocabulary", count(sizes.vocabulary())),
            List.of("Longest sequence", count(sizes.maxPositions())),
            List.of("SHA-256 of configuration and weights", content.hashes().teacher())));
  }

  private String data() {
    return Markdown.table(
        List.of("Data set", content.data()),
        List.of(
            List.of("Sequence length", count(content.manifest().seqLen())),
            List.of("Training tokens", count(content.manifest().train().tokens())),
            List.of("Held-out tokens", count(content.manifest().validation().tokens())),
            List.of("SHA-256 of the manifest", content.hashes().data()),
            List.of("SHA-256 of the tokenizer", content.manifest().tokenizerSha256())));
  }

  private String training() {
    List<List<String>> rows = new ArrayList<>();
    for (RunSummary.Stage stage : summary.stages()) {
      for (StageSettings settings : content.stages()) {
        if (settings.name() == stage.name()) {
          rows.add(
              List.of(
                  StageText.of(stage.name()).title(),
                  count(stage.tokens()),
                  count(settings.steps()),
                  scientific(settings.learningRate()),
                  measure(stage.firstLoss()),
                  measure(stage.lastLoss()),
                  measure(stage.perplexity()),
                  count(stage.perplexityTokens())));
        }
      }
    }
    return Markdown.table(
            List.of(
                "Stage",
                "Tokens",
                "Steps",
                "Learning rate",
                "First loss",
                "Last loss",
                "Perplexity after",
                "Held-out tokens"),
            rows)
        + disturbances();
  }

  /** What the run went through, if it was not smooth. */
  private String disturbances() {
    if (summary.restarts() == 0 && summary.skippedSteps() == 0) {
      return "";
    }
    return "\nTraining was started again %s times after failures, each time from a checkpoint; %s steps were left out because their loss or gradient was not finite.\n"
        .formatted(count(summary.restarts()), count(summary.skippedSteps()));
  }

  private String evaluation() {
    return Markdown.table(
            List.of("Model", "Perplexity"),
            List.of(
                List.of("Teacher", measure(summary.teacherPerplexity())),
                List.of("Student", measure(summary.studentPerplexity()))))
        + "\nPerplexity of the next token on the first "
        + count(summary.perplexityTokens())
        + " held-out tokens.\n";
  }

  private String architecture() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("Blocks", count(student.blocks())));
    rows.add(List.of("Width", count(student.width())));
    rows.add(List.of("Heads", count(student.heads())));
    rows.add(List.of("Vocabulary", count(student.vocabulary())));
    rows.add(List.of("State size", count(student.stateSize())));
    rows.add(List.of("Convolution width", count(student.convWidth())));
    rows.add(List.of("Inner width / width", count(student.expand())));
    rows.add(List.of("Chunk size", count(student.chunkSize())));
    rows.add(
        List.of(
            "Blocks with the teacher's attention",
            student.attentionBlocks().isEmpty() ? "none" : student.attentionBlocks().toString()));
    return Markdown.table(List.of("Mixer", mixerLabel()), rows);
  }

  private String loading() {
    String here =
        """
        With Sparkhawk:

        ```
        sparkhawk generate --model <this folder> --prompt 'Once upon a time'
        ```
        """;
    if (!isOfTheReference()) {
      return here + "\nThe reference implementation has no mixer of this kind.\n";
    }
    return here
        + """

        With the reference implementation ([goombalab/phi-mamba](https://github.com/goombalab/phi-mamba)):

        ```python
        from modules.lm_head import LMHeadModel

        model = LMHeadModel.from_pretrained("<this folder>", strict=True)
        ```
        """;
  }
}
