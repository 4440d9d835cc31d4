package io.sparkhawk.executor.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Students of the golden cases score tasks of words w0, w1 and so on, on ranks over sockets. */
@Timeout(120)
class TaskEvaluationTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final int VOCABULARY = 96;

  /** float64 log-likelihoods; the ranks' batches are of other shapes, which rounds differently. */
  private static final double ROUNDING = 1e-10;

  @TempDir private Path folder;
  private final SplittableRandom random = new SplittableRandom(17);

  @BeforeEach
  void addModels() throws IOException {
    for (String name : List.of("pure", "hybrid")) {
      Path target = Files.createDirectories(folder.resolve(name));
      for (String file : List.of("config.json", "model.safetensors")) {
        Files.copy(GOLDEN.resolve(name).resolve("student").resolve(file), target.resolve(file));
      }
      Files.writeString(target.resolve("tokenizer.json"), tokenizer());
    }
  }

  private static String tokenizer() {
    String words =
        IntStream.range(0, VOCABULARY)
            .mapToObj(id -> "\"w" + id + "\":" + id)
            .collect(Collectors.joining(","));
    return """
        {"version": "1.0", "pre_tokenizer": {"type": "WhitespaceSplit"}, "added_tokens": [],
         "model": {"type": "WordLevel", "unk_token": "w0", "vocab": {%s}}}"""
        .formatted(words);
  }

  private String words(int most) {
    return random
        .ints(random.nextInt(1, most + 1), 0, VOCABULARY)
        .mapToObj(id -> "w" + id)
        .collect(Collectors.joining(" "));
  }

  private String choicesOf(int examples) throws IOException {
    return task(
        "choices.jsonl",
        examples,
        () ->
            """
            {"context": "%s", "choices": ["%s", "%s", "%s"], "label": %d}"""
                .formatted(words(12), words(3), words(3), words(3), random.nextInt(3)));
  }

  private String blanksOf(int examples) throws IOException {
    return task(
        "blanks.jsonl",
        examples,
        () ->
            """
            {"sentence": "%s _ %s", "option1": "%s", "option2": "%s", "answer": "1"}"""
                .formatted(words(8), words(5), words(1), words(1)));
  }

  private String lastWordsOf(int examples) throws IOException {
    return task(
        "words.jsonl",
        examples,
        () ->
            """
            {"text": "%s w1"}"""
                .formatted(words(20)));
  }

  private String task(String name, int examples, Supplier<String> line) throws IOException {
    Path file = folder.resolve(name);
    Files.write(file, IntStream.range(0, examples).mapToObj(i -> line.get()).toList());
    return file.toString();
  }

  private TaskPlan plan(String... tasks) {
    return new TaskPlan(
        List.of(folder.resolve("pure").toString(), folder.resolve("hybrid").toString()),
        List.of(tasks),
        64,
        "w0",
        DeviceKind.CPU,
        ElementType.FLOAT64,
        Map.of(),
        folder.resolve("cache").toString(),
        1);
  }

  private static List<TaskResults> onEach(int worldSize, TaskPlan plan) throws Exception {
    return Ranks.onEach(worldSize, collective -> TaskEvaluation.run(plan, collective));
  }

  @Test
  void anyNumberOfRanksGivesTheSameOutcomesOnEveryRank() throws Exception {
    TaskPlan plan = plan(choicesOf(11), blanksOf(7), lastWordsOf(8));
    TaskResults alone = onEach(1, plan).get(0);
    assertThat(alone.tasks()).extracting(TaskOutcomes::examples).containsExactly(11, 7, 8);
    for (int worldSize = 2; worldSize <= 3; worldSize++) {
      List<TaskResults> ofRanks = onEach(worldSize, plan);
      assertThat(ofRanks).hasSize(worldSize).allMatch(ofRanks.get(0)::equals);
      assertSame(ofRanks.get(0), alone);
    }
  }

  @Test
  void ranksWithoutAnExampleTakePartAllTheSame() throws Exception {
    TaskPlan plan = plan(choicesOf(2), lastWordsOf(1));
    List<TaskResults> ofRanks = onEach(3, plan);
    assertThat(ofRanks).allMatch(ofRanks.get(0)::equals);
    assertSame(ofRanks.get(0), onEach(1, plan).get(0));
  }

  /** Equal judgements, and log-likelihoods that differ by rounding alone. */
  private static void assertSame(TaskResults found, TaskResults expected) {
    assertThat(found.maxLength()).isEqualTo(expected.maxLength());
    assertThat(found.tasks()).hasSameSizeAs(expected.tasks());
    for (int task = 0; task < expected.tasks().size(); task++) {
      TaskOutcomes wanted = expected.tasks().get(task);
      assertThat(found.tasks().get(task).task()).isEqualTo(wanted.task());
      for (int model = 0; model < 2; model++) {
        assertSame(found.tasks().get(task).byModel().get(model), wanted.byModel().get(model));
      }
    }
  }

  private static void assertSame(List<Outcome> found, List<Outcome> expected) {
    assertThat(found)
        .usingRecursiveFieldByFieldElementComparatorIgnoringFields("logLikelihood")
        .containsExactlyElementsOf(expected);
    for (int i = 0; i < expected.size(); i++) {
      assertThat(found.get(i).logLikelihood())
          .isNegative()
          .isCloseTo(expected.get(i).logLikelihood(), within(ROUNDING));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void aMalformedLineStopsEveryRankWithFileAndLine(int worldSize) throws Exception {
    Path file = Path.of(choicesOf(5));
    Files.writeString(file, Files.readString(file) + "\n{\"context\": \"w1\", \"choices\": [3]}\n");
    assertThatThrownBy(() -> onEach(worldSize, plan(file.toString())))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("Line 7 of " + file);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n \n"})
  void anEmptyTaskFileIsRefusedByName(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("empty.jsonl"), content);
    assertThatThrownBy(() -> onEach(2, plan(file.toString())))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(file.toString(), "no examples");
  }
}
