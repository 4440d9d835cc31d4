package io.sparkhawk.executor.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.generate.GenerationResult.Stop;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models of the golden cases with a tokenizer whose token of id 7 is the word w7. */
class GenerationTaskTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final int VOCABULARY = 96;
  private static final SamplingSettings GREEDY = new SamplingSettings(0, 1, 1, 0);

  /** The token of the last id. */
  private static final String END = "<|endoftext|>";

  private static final int LONGEST = 64;

  @TempDir private Path folder;
  private Path pure;
  private Path hybrid;

  @BeforeEach
  void addTokenizers() throws IOException {
    pure = copy("pure");
    hybrid = copy("hybrid");
  }

  private Path copy(String name) throws IOException {
    Path target = Files.createDirectories(folder.resolve(name));
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(GOLDEN.resolve(name).resolve("student").resolve(file), target.resolve(file));
    }
    Files.writeString(target.resolve("tokenizer.json"), tokenizer(VOCABULARY));
    return target;
  }

  /** The last id is the end of text, all others are words. */
  private static String tokenizer(int vocabulary) {
    String words =
        IntStream.range(0, vocabulary - 1)
            .mapToObj(id -> "\"w" + id + "\":" + id)
            .collect(Collectors.joining(","));
    return """
        {"version": "1.0", "pre_tokenizer": {"type": "WhitespaceSplit"}, "added_tokens": [],
         "model": {"type": "WordLevel", "unk_token": "w0", "vocab": {%s, "%s": %d}}}"""
        .formatted(words, END, vocabulary - 1);
  }

  private GenerationPlan plan(
      Path model, String prompt, int maxTokens, SamplingSettings sampling, String endOfText) {
    return new GenerationPlan(
        model.toString(),
        prompt,
        maxTokens,
        sampling,
        endOfText,
        DeviceKind.CPU,
        ElementType.FLOAT64,
        folder.resolve("cache").toString(),
        1);
  }

  private static GenerationResult run(GenerationPlan plan, StringBuilder text) {
    return GenerationTask.run(plan, new Configuration(), text::append);
  }

  private static String words(int... ids) {
    return Arrays.stream(ids)
        .mapToObj(id -> id == VOCABULARY - 1 ? END : "w" + id)
        .collect(Collectors.joining(" "));
  }

  /** The most likely continuation, the whole sequence computed anew for each token. */
  private static int[] continued(Path model, int count, int... prompt) {
    try (LanguageModel loaded = Models.load(model, Device.cpu(), ElementType.FLOAT64)) {
      List<Integer> ids = new ArrayList<>(Arrays.stream(prompt).boxed().toList());
      for (int i = 0; i < count; i++) {
        try (Decoder decoder = Decoder.start(loaded)) {
          ids.add(
              Sampler.mostLikely(
                  decoder.advance(ids.stream().mapToInt(Integer::intValue).toArray())));
        }
      }
      return ids.stream().skip(prompt.length).mapToInt(Integer::intValue).toArray();
    }
  }

  @Test
  void theTextIsTheMostLikelyContinuationOfThePrompt() {
    for (Path model : List.of(pure, hybrid)) {
      StringBuilder text = new StringBuilder();
      GenerationResult result = run(plan(model, words(5, 6, 7), 30, GREEDY, END), text);
      assertThat(text.toString().strip()).isEqualTo(words(continued(model, 30, 5, 6, 7)));
      assertThat(result.stop()).isEqualTo(Stop.MAX_TOKENS);
      assertThat(result.promptTokens()).isEqualTo(3);
      assertThat(result.generatedTokens()).isEqualTo(30);
      assertThat(result.steps()).isEqualTo(29);
    }
  }

  @Test
  void theEndOfTextEndsItAndIsNotWritten() {
    int[] all = continued(pure, 10, 1);
    int end = all[9];
    int before = IntStream.range(0, 10).filter(i -> all[i] == end).findFirst().orElseThrow();
    StringBuilder text = new StringBuilder();
    GenerationResult result = run(plan(pure, "w1", 30, GREEDY, "w" + end), text);
    assertThat(result.stop()).isEqualTo(Stop.END_OF_TEXT);
    assertThat(result.generatedTokens()).isEqualTo(before);
    assertThat(text.toString().strip()).isEqualTo(words(Arrays.copyOf(all, before)));
  }

  @Test
  void anEmptyPromptBeginsADocumentAfterTheEndOfAnother() {
    StringBuilder text = new StringBuilder();
    run(plan(pure, "", 5, GREEDY, END), text);
    assertThat(text.toString().strip()).isEqualTo(words(continued(pure, 5, VOCABULARY - 1)));
  }

  @Test
  void equalSeedsGiveEqualTexts() {
    StringBuilder first = new StringBuilder();
    StringBuilder second = new StringBuilder();
    StringBuilder other = new StringBuilder();
    run(plan(hybrid, "w1", 30, new SamplingSettings(1, 0.9, 1.1, 4), END), first);
    run(plan(hybrid, "w1", 30, new SamplingSettings(1, 0.9, 1.1, 4), END), second);
    run(plan(hybrid, "w1", 30, new SamplingSettings(1, 0.9, 1.1, 5), END), other);
    assertThat(first).hasToString(second.toString());
    assertThat(first.toString()).isNotEqualTo(other.toString());
  }

  @Test
  void attentionEndsATextAtTheLongestSequence() {
    String prompt = words(IntStream.range(0, LONGEST - 2).toArray());
    GenerationResult result = run(plan(hybrid, prompt, 30, GREEDY, END), new StringBuilder());
    assertThat(result.stop()).isEqualTo(Stop.LONGEST_SEQUENCE);
    // Two more positions fit, and the last one still has a token that follows it.
    assertThat(result.generatedTokens()).isEqualTo(3);
  }

  @Test
  void aPromptThatAttentionCannotTakeIsRefusedWithBothLengths() {
    GenerationPlan plan = plan(hybrid, words(new int[LONGEST + 1]), 30, GREEDY, END);
    assertThatThrownBy(() -> run(plan, new StringBuilder()))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("65 tokens", "at most 64", hybrid.toString());
  }

  @Test
  void aFolderThatIsMissingOrHasNoTokenizerIsNamed() throws IOException {
    Files.delete(pure.resolve("tokenizer.json"));
    assertThatThrownBy(() -> run(plan(pure, "w1", 1, GREEDY, END), new StringBuilder()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(pure.resolve("tokenizer.json").toString());
    Path missing = folder.resolve("missing");
    assertThatThrownBy(() -> run(plan(missing, "w1", 1, GREEDY, END), new StringBuilder()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(missing.toString());
  }

  @Test
  void aFolderAboveTheModelIsRefusedWithWhereAStudentLies() {
    assertThatThrownBy(() -> run(plan(folder, "w1", 1, GREEDY, END), new StringBuilder()))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(folder.toString(), "config.json", "student");
  }

  @Test
  void aTokenizerThatTheModelDoesNotKnowAllIdsOfIsRefused() throws IOException {
    Files.writeString(pure.resolve("tokenizer.json"), tokenizer(VOCABULARY + 1));
    assertThatThrownBy(() -> run(plan(pure, "w1", 1, GREEDY, END), new StringBuilder()))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("97", "96");
  }

  @Test
  void anUnknownEndOfTextIsRefused() {
    assertThatThrownBy(() -> run(plan(pure, "w1", 1, GREEDY, "</s>"), new StringBuilder()))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("</s>", "end-of-text");
  }
}
