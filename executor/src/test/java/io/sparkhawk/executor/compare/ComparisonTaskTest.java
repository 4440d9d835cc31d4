package io.sparkhawk.executor.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.sample.Split;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.executor.collective.Ranks;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.safetensors.SafetensorsFile;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.TinyDataSet;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models of the golden cases with a tokenizer whose token of id 7 is the word w7. */
@Timeout(120)
class ComparisonTaskTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final int VOCABULARY = 96;
  private static final int HEADS = 4;
  private static final int END_OF_TEXT = 0;

  /** Of the hybrid, whose last block keeps attention. */
  private static final int LONGEST = 64;

  @TempDir private Path folder;

  @BeforeEach
  void addTeachersAndData() throws IOException {
    for (String name : List.of("pure", "hybrid")) {
      Path target = Files.createDirectories(folder.resolve(name));
      for (String file : List.of("config.json", "model.safetensors")) {
        Files.copy(GOLDEN.resolve(name).resolve("teacher").resolve(file), target.resolve(file));
      }
      Files.writeString(target.resolve("tokenizer.json"), tokenizer());
    }
    TinyDataSet.write(folder.resolve("data"), 4, 5, 11);
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

  private ComparisonPlan plan(String teacher, String student, ComparisonChoice choice) {
    return plan(teacher, student, choice, ElementType.FLOAT64);
  }

  private ComparisonPlan plan(
      String teacher, String student, ComparisonChoice choice, ElementType type) {
    return new ComparisonPlan(
        folder.resolve(teacher).toString(),
        GOLDEN.resolve(student).resolve("student").toString(),
        folder.resolve("data").toString(),
        choice,
        DeviceKind.CPU,
        type,
        Map.of(),
        folder.resolve("cache").toString(),
        1_000_000_000,
        1);
  }

  private ModelComparison compare(String name, ComparisonChoice choice) {
    return ComparisonTask.run(plan(name, name, choice));
  }

  private static ComparisonChoice text(String text, int tokens) {
    return new ComparisonChoice(List.of(), List.of(), text, List.of(), tokens, 0);
  }

  private static String words(int... ids) {
    return Arrays.stream(ids).mapToObj(id -> "w" + id).collect(Collectors.joining(" "));
  }

  private int[] heldOutRow(long number) {
    int[] row = new int[TinyDataSet.ROW_LENGTH];
    try (TokenRows rows =
        TokenRows.open(
            new Configuration(),
            folder.resolve("data").toString(),
            Split.VALIDATION,
            folder.resolve("cache"))) {
      rows.read(number, row, 0);
    }
    return row;
  }

  /** What the reference implementation computed for one sequence of a golden case. */
  private static final class Reference {

    private final SafetensorsFile file;
    private final int sequence;
    private final int length;

    Reference(SafetensorsFile file, int sequence) {
      this.file = file;
      this.sequence = sequence;
      this.length = (int) file.tensor("input_ids").shape()[1];
    }

    int[] ids() {
      int[] ids = new int[length];
      IntBuffer all = elements("input_ids").asIntBuffer();
      all.get(sequence * length, ids);
      return ids;
    }

    /** Of a tensor (batch, heads, length, length). */
    double[] matrix(String name, int head) {
      FloatBuffer all = elements(name).asFloatBuffer();
      int size = length * length;
      int first = (sequence * HEADS + head) * size;
      return IntStream.range(first, first + size).mapToDouble(all::get).toArray();
    }

    private ByteBuffer elements(String name) {
      return file.tensor(name).data().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"pure", "hybrid"})
  void matricesAreThoseOfTheReference(String name) throws IOException {
    try (SafetensorsFile file =
        SafetensorsFile.open(GOLDEN.resolve(name).resolve("expected.safetensors"))) {
      Reference reference = new Reference(file, 1);
      ComparisonChoice choice =
          new ComparisonChoice(
              List.of(0, 1),
              List.of(0, 1, 2, 3),
              words(reference.ids()),
              List.of(),
              reference.length,
              0);
      ModelComparison comparison = compare(name, choice);
      assertThat(comparison.tokens())
          .containsExactlyElementsOf(
              Arrays.stream(reference.ids()).mapToObj(id -> "w" + id).toList());
      assertThat(comparison.matrices()).hasSize(2 * HEADS);
      for (int i = 0; i < 2 * HEADS; i++) {
        MatrixPair pair = comparison.matrices().get(i);
        assertThat(pair.block()).isEqualTo(i / HEADS);
        assertThat(pair.head()).isEqualTo(i % HEADS);
        assertIsOfReference(pair, reference);
      }
    }
  }

  private static void assertIsOfReference(MatrixPair pair, Reference reference) throws IOException {
    double[] teacher = reference.matrix("teacher.attention." + pair.block(), pair.head());
    double[] student = reference.matrix("student.matrix." + pair.block(), pair.head());
    double sum = 0;
    double largest = 0;
    for (int i = 0; i < teacher.length; i++) {
      sum += Math.pow(teacher[i] - student[i], 2);
      largest = Math.max(largest, Math.max(Math.abs(teacher[i]), Math.abs(student[i])));
    }
    assertThat(pair.distance()).isCloseTo(Math.sqrt(sum), within(1e-5));
    Pictures.assertShows(pair.teacher(), teacher, reference.length, largest);
    Pictures.assertShows(pair.student(), student, reference.length, largest);
  }

  @Test
  void otherElementTypesDifferByTheirRoundingAlone() {
    ModelComparison exact = ComparisonTask.run(plan("pure", "pure", text("", 24)));
    for (ElementType type : List.of(ElementType.FLOAT32, ElementType.BFLOAT16)) {
      ModelComparison rounded = ComparisonTask.run(plan("pure", "pure", text("", 24), type));
      assertThat(rounded.tokens()).isEqualTo(exact.tokens());
      assertThat(rounded.matrices()).hasSameSizeAs(exact.matrices());
      double rounding = type == ElementType.FLOAT32 ? 1e-5 : 0.05;
      for (int i = 0; i < exact.matrices().size(); i++) {
        double distance = exact.matrices().get(i).distance();
        assertThat(rounded.matrices().get(i).distance())
            .isCloseTo(distance, within(rounding * distance));
      }
    }
  }

  @Test
  void usuallyHeldOutRowsAreShownInTheReplacedBlocks() {
    ModelComparison comparison = compare("hybrid", ComparisonChoice.usual());
    assertThat(comparison.tokens())
        .containsExactlyElementsOf(Arrays.stream(heldOutRow(0)).mapToObj(id -> "w" + id).toList());
    assertThat(comparison.matrices())
        .extracting(pair -> List.of(pair.block(), pair.head()))
        .containsExactly(List.of(0, 0), List.of(0, 2), List.of(1, 0), List.of(1, 2));
    assertThat(comparison.continuations()).hasSize(3);
    for (int i = 0; i < 3; i++) {
      TextPair pair = comparison.continuations().get(i);
      assertThat(words(heldOutRow(i))).contains(pair.prompt());
      assertThat(pair.prompt().split(" ").length).isLessThanOrEqualTo(16);
    }
  }

  @Test
  void bothWriteWhatIsMostLikely() {
    ComparisonChoice choice =
        new ComparisonChoice(List.of(), List.of(), "", List.of(words(5, 6, 7), words(90)), 8, 12);
    ModelComparison comparison = compare("hybrid", choice);
    assertThat(comparison.tokens()).hasSize(8);
    assertThat(comparison.continuations())
        .extracting(TextPair::prompt)
        .containsExactly("w5 w6 w7", "w90");
    assertWritten(comparison.continuations().get(0), 5, 6, 7);
    assertWritten(comparison.continuations().get(1), 90);
  }

  private void assertWritten(TextPair pair, int... prompt) {
    assertThat(pair.teacher().strip()).isEqualTo(continued(folder.resolve("hybrid"), 12, prompt));
    assertThat(pair.student().strip())
        .isEqualTo(continued(GOLDEN.resolve("hybrid/student"), 12, prompt));
  }

  /** The whole sequence computed anew for each token, in the parallel form. */
  private static String continued(Path model, int count, int... prompt) {
    int[] ids = prompt;
    try (LanguageModel loaded = Models.load(model, Device.cpu(), ElementType.FLOAT64);
        TensorScope scope = TensorScope.open()) {
      while (ids.length < prompt.length + count) {
        NDArray hidden = loaded.hidden(loaded.manager().create(ids, new Shape(1, ids.length)));
        double[] logits =
            Operators.toDoubles(
                loaded
                    .head()
                    .forward(
                        loaded
                            .finalNorm()
                            .forward(Operators.narrow(hidden, 1, ids.length - 1L, 1))));
        int next = mostLikely(logits);
        if (next == END_OF_TEXT) {
          break;
        }
        ids = Arrays.copyOf(ids, ids.length + 1);
        ids[ids.length - 1] = next;
      }
    }
    return words(Arrays.copyOfRange(ids, prompt.length, ids.length));
  }

  private static int mostLikely(double[] logits) {
    return IntStream.range(0, logits.length)
        .reduce((a, b) -> logits[b] > logits[a] ? b : a)
        .orElseThrow();
  }

  @Test
  void withoutATokenizerIdsStandForTokensAndNothingIsWritten() throws IOException {
    ModelComparison withTokenizer = compare("pure", ComparisonChoice.usual());
    Files.delete(folder.resolve("pure/tokenizer.json"));
    ModelComparison comparison = compare("pure", ComparisonChoice.usual());
    assertThat(comparison.tokens())
        .containsExactlyElementsOf(
            Arrays.stream(heldOutRow(0)).mapToObj(Integer::toString).toList());
    assertThat(comparison.matrices()).isEqualTo(withTokenizer.matrices());
    assertThat(comparison.continuations()).isEmpty();
    assertThatThrownBy(() -> compare("pure", text("w1 w2", 64)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("tokenizer.json", folder.resolve("pure").toString());
  }

  @Test
  void anyNumberOfRanksComparesOnce() throws Exception {
    ComparisonPlan plan = plan("hybrid", "hybrid", ComparisonChoice.usual());
    List<ModelComparison> ofRanks =
        Ranks.onEach(2, collective -> ComparisonTask.run(plan, collective));
    assertThat(ofRanks.get(0)).isEqualTo(ComparisonTask.run(plan));
    assertThat(ofRanks.get(1)).isEqualTo(new ModelComparison(List.of(), List.of(), List.of()));
  }

  @Test
  void textsThatAreTooShortOrTooLongAreRefusedWithTheRange() {
    assertRefused("hybrid", text("w1", 64), "1 tokens", "2 to 64");
    assertRefused("hybrid", text(words(new int[9]), 8), "9 tokens", "2 to 8");
    String longest = words(new int[LONGEST]);
    assertThat(compare("hybrid", text(longest, 256)).tokens()).hasSize(LONGEST);
    assertRefused("hybrid", text(longest + " w1", 256), "65 tokens", "2 to 64");
  }

  @Test
  void numbersOfTokensOutOfRangeAreRefused() {
    assertRefused("pure", text("", 1), "text", "2 to 256", "1 are asked");
    assertRefused("pure", text("", 257), "text", "2 to 256", "257 are asked");
    for (int tokens : new int[] {-1, 1001}) {
      ComparisonChoice choice =
          new ComparisonChoice(List.of(), List.of(), "", List.of(), 64, tokens);
      assertRefused("pure", choice, "continuations", "0 to 1000", tokens + " are asked");
    }
  }

  @Test
  void aPromptThatAttentionCannotTakeIsRefused() {
    ComparisonChoice choice =
        new ComparisonChoice(List.of(), List.of(), "", List.of(words(new int[LONGEST + 1])), 64, 5);
    assertRefused("hybrid", choice, "65 tokens", "at most 64");
  }

  private void assertRefused(String name, ComparisonChoice choice, String... parts) {
    assertThatThrownBy(() -> compare(name, choice))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll(parts);
  }

  @Test
  void theStudentOfAnotherTeacherIsRefused() {
    assertThatThrownBy(() -> ComparisonTask.run(plan("pure", "hybrid", ComparisonChoice.usual())))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("3 blocks", "the teacher 2", folder.resolve("pure").toString());
  }

  @Test
  void dataWithoutHeldOutRowsIsRefusedUnlessTextAndPromptsAreChosen() throws IOException {
    TinyDataSet.write(folder.resolve("data"), 4, 0, 11);
    assertThatThrownBy(() -> compare("pure", ComparisonChoice.usual()))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("no held-out rows", folder.resolve("data").toString());
    ComparisonChoice chosen =
        new ComparisonChoice(List.of(), List.of(), "w1 w2 w3", List.of("w4"), 64, 2);
    assertThat(compare("pure", chosen).continuations()).hasSize(1);
  }

  @Test
  void comparingLeavesNoTensorsBehindAndFindsDamagedWeights() {
    try (LanguageModel teacher =
            Models.load(folder.resolve("hybrid"), Device.cpu(), ElementType.FLOAT32);
        LanguageModel student =
            Models.load(GOLDEN.resolve("hybrid/student"), Device.cpu(), ElementType.FLOAT32)) {
      MatrixPairs pairs =
          new MatrixPairs(teacher, student, new ChosenMatrices(List.of(0, 1), List.of(0, 3)));
      List<MatrixPair> first = pairs.on(new int[] {1, 2, 3, 4});
      int ofTeacher = teacher.manager().getManagedArrays().size();
      int ofStudent = student.manager().getManagedArrays().size();
      assertThat(pairs.on(new int[] {1, 2, 3, 4})).isEqualTo(first).hasSize(4);
      assertThat(teacher.manager().getManagedArrays()).hasSize(ofTeacher);
      assertThat(student.manager().getManagedArrays()).hasSize(ofStudent);

      try (TensorScope scope = TensorScope.open()) {
        NDArray weight = student.blocks().get(1).mixer().matrixParameters().get(0).value();
        Operators.addInPlace(weight, Double.NaN);
      }
      assertThatThrownBy(() -> pairs.on(new int[] {1, 2, 3, 4}))
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll("student's matrix", "block 1");
      assertThat(student.manager().getManagedArrays()).hasSize(ofStudent);
    }
  }

  @Test
  void promptsBeginWhereADocumentDoesIfItIsLongEnough() {
    int[] row = IntStream.rangeClosed(1, 40).toArray();
    assertThat(Texts.beginning(row, END_OF_TEXT)).isEqualTo(IntStream.rangeClosed(1, 16).toArray());
    row[4] = END_OF_TEXT;
    row[10] = END_OF_TEXT; // A document of five tokens.
    assertThat(Texts.beginning(row, END_OF_TEXT))
        .isEqualTo(IntStream.rangeClosed(12, 27).toArray());
    row[25] = END_OF_TEXT;
    assertThat(Texts.beginning(row, END_OF_TEXT)).isEqualTo(new int[] {1, 2, 3, 4});
  }
}
