package io.sparkhawk.executor.compare;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.sample.Split;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.data.token.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;

/** The texts of a comparison: those that were chosen, or beginnings of held-out rows. */
final class Texts implements AutoCloseable {

  /** A matrix of one element says nothing. */
  private static final int FEWEST_TOKENS = 2;

  /** Pictures of more are too large for a page with several of them. */
  private static final int MOST_TOKENS = 256;

  private static final int MOST_CONTINUATION_TOKENS = 1000;
  private static final int PROMPTS = 3;
  private static final int PROMPT_TOKENS = 16;

  /** What a tokenizer puts for a part of a character. */
  private static final String REPLACEMENT = "\uFFFD";

  private final ComparisonPlan plan;
  private final DataManifest manifest;
  private final TokenRows rows;
  private final Optional<Tokenizer> tokenizer;

  private Texts(
      ComparisonPlan plan, DataManifest manifest, TokenRows rows, Optional<Tokenizer> tokenizer) {
    this.plan = plan;
    this.manifest = manifest;
    this.rows = rows;
    this.tokenizer = tokenizer;
  }

  /**
   * Opens the data set and the teacher's tokenizer, if it has one.
   *
   * @param vocabulary ids that the models know
   * @throws ConfigurationException if something is chosen that needs a tokenizer, or numbers of
   *     tokens are out of range
   * @throws DataException if the data set or the tokenizer does not fit the models
   */
  static Texts open(ComparisonPlan plan, Configuration hadoop, Path teacherFolder, int vocabulary) {
    checkNumbers(plan.choice());
    org.apache.hadoop.fs.Path data = Storage.path(plan.dataFolder());
    DataManifest manifest = DataManifest.read(Storage.of(hadoop, data).fileSystem(), data);
    if (manifest.vocabularySize() > vocabulary) {
      throw new ConfigurationException(
          "The data set %s has ids up to %d, the vocabulary of the teacher %s only %d ids. Name data that was prepared with the teacher's tokenizer."
              .formatted(
                  plan.dataFolder(),
                  manifest.vocabularySize() - 1,
                  plan.teacherFolder(),
                  vocabulary));
    }
    Optional<Tokenizer> tokenizer = tokenizer(plan, hadoop, teacherFolder, vocabulary);
    try {
      return new Texts(plan, manifest, rows(plan, hadoop), tokenizer);
    } catch (RuntimeException | Error e) {
      tokenizer.ifPresent(Tokenizer::close);
      throw e;
    }
  }

  private static TokenRows rows(ComparisonPlan plan, Configuration hadoop) {
    return TokenRows.open(
        hadoop,
        plan.dataFolder(),
        Split.VALIDATION,
        Path.of(plan.localCache()),
        plan.localCacheBytes());
  }

  private static Optional<Tokenizer> tokenizer(
      ComparisonPlan plan, Configuration hadoop, Path teacherFolder, int vocabulary) {
    Path file = teacherFolder.resolve("tokenizer.json");
    if (!Files.exists(file)) {
      if (!plan.choice().text().isEmpty() || !plan.choice().prompts().isEmpty()) {
        throw new ConfigurationException(
            "A text or prompts to compare the models on need a tokenizer, but the teacher's folder %s has no tokenizer.json. Put it there, or choose neither."
                .formatted(plan.teacherFolder()));
      }
      return Optional.empty();
    }
    Tokenizer tokenizer = Tokenizer.read(hadoop, new org.apache.hadoop.fs.Path(file.toUri()));
    try {
      tokenizer.requireFits(vocabulary, plan.teacherFolder());
      return Optional.of(tokenizer);
    } catch (RuntimeException | Error e) {
      tokenizer.close();
      throw e;
    }
  }

  private static void checkNumbers(ComparisonChoice choice) {
    checkNumber("text", choice.textTokens(), FEWEST_TOKENS, MOST_TOKENS);
    checkNumber("continuations", choice.continuationTokens(), 0, MOST_CONTINUATION_TOKENS);
  }

  private static void checkNumber(String what, int tokens, int fewest, int most) {
    if (tokens < fewest || tokens > most) {
      throw new ConfigurationException(
          "A comparison's %s may have %d to %d tokens, but %d are asked for."
              .formatted(what, fewest, most, tokens));
    }
  }

  /**
   * The text that the matrices are on.
   *
   * @param longest the longest sequence that both models take
   * @throws ConfigurationException if the chosen text is too short or too long
   */
  int[] ids(int longest) {
    String text = plan.choice().text();
    int most = Math.min(plan.choice().textTokens(), longest);
    if (text.isEmpty()) {
      int[] row = row(0);
      return checkedLength(Arrays.copyOf(row, Math.min(row.length, most)), most);
    }
    return checkedLength(tokenizer.orElseThrow().encode(text), most);
  }

  private static int[] checkedLength(int[] ids, int most) {
    if (ids.length < FEWEST_TOKENS || ids.length > most) {
      throw new ConfigurationException(
          "The text of the comparison has %d tokens, but matrices are made of %d to %d. Choose another text, or for a longer one more tokens, as far as the models' longest sequence allows."
              .formatted(ids.length, FEWEST_TOKENS, most));
    }
    return ids;
  }

  private int[] row(long number) {
    if (rows.rows() == 0) {
      throw new DataException(
          "The data set %s has no held-out rows to compare the models on; choose a text and prompts."
              .formatted(plan.dataFolder()));
    }
    int[] row = new int[rows.rowLength()];
    rows.read(number, row, 0);
    return row;
  }

  /** Each token as text; its id where there is no tokenizer. */
  List<String> labels(int[] ids) {
    return Arrays.stream(ids).mapToObj(this::label).toList();
  }

  private String label(int id) {
    return tokenizer.map(t -> t.decode(new int[] {id})).orElseGet(() -> Integer.toString(id));
  }

  /** What both models continue; empty if there is no tokenizer or nothing is to be written. */
  List<String> prompts() {
    if (tokenizer.isEmpty() || plan.choice().continuationTokens() == 0) {
      return List.of();
    }
    if (!plan.choice().prompts().isEmpty()) {
      return plan.choice().prompts();
    }
    List<String> prompts = new ArrayList<>();
    for (long row = 0; row < rows.rows() && prompts.size() < PROMPTS; row++) {
      String prompt = decoded(beginning(row(row), manifest.endOfText()));
      if (!prompt.isBlank()) {
        prompts.add(prompt);
      }
    }
    return prompts;
  }

  /**
   * The beginning of the first document that begins in the row and is long enough, or else of the
   * row, up to the end of a document.
   */
  static int[] beginning(int[] row, int endOfText) {
    for (int start = 1; start + PROMPT_TOKENS <= row.length; start++) {
      int[] beginning = Arrays.copyOfRange(row, start, start + PROMPT_TOKENS);
      if (row[start - 1] == endOfText && lengthOfText(beginning, endOfText) == PROMPT_TOKENS) {
        return beginning;
      }
    }
    return Arrays.copyOf(row, Math.min(PROMPT_TOKENS, lengthOfText(row, endOfText)));
  }

  private static int lengthOfText(int[] ids, int endOfText) {
    return IntStream.range(0, ids.length)
        .filter(i -> ids[i] == endOfText)
        .findFirst()
        .orElse(ids.length);
  }

  /** Without the halves of characters that it may have been cut at. */
  private String decoded(int[] ids) {
    return tokenizer.orElseThrow().decode(ids).replace(REPLACEMENT, "");
  }

  Tokenizer tokenizer() {
    return tokenizer.orElseThrow();
  }

  /**
   * The token that follows every document of the data set.
   *
   * @throws DataException if the tokenizer does not know it
   */
  String endOfText() {
    return tokenizer()
        .token(manifest.endOfText())
        .orElseThrow(
            () ->
                new DataException(
                    "The tokenizer of the teacher %s has no token of id %d, which ends the documents of the data set %s: the data was prepared with another one."
                        .formatted(plan.teacherFolder(), manifest.endOfText(), plan.dataFolder())));
  }

  @Override
  public void close() {
    tokenizer.ifPresent(Tokenizer::close);
    rows.close();
  }
}
