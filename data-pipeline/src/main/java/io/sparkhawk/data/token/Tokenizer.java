package io.sparkhawk.data.token;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.data.storage.Storage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Turns text into token ids with a {@code tokenizer.json}, adding no special tokens and cutting
 * nothing off.
 *
 * <p>{@link #encode} runs in the calling thread: the library's own thread pool serves only its
 * batch calls, which are not used, so as many threads work as there are callers. Instances may be
 * shared between threads.
 */
public final class Tokenizer implements AutoCloseable {

  static {
    // DJL reports its use to a server of its makers unless told not to.
    if (System.getProperty("OPT_OUT_TRACKING") == null) {
      System.setProperty("OPT_OUT_TRACKING", "true");
    }
    // Where it sees a GPU, DJL downloads a tokenizer library for CUDA unless told to take the one
    // that it brings along; tokenising has no use for a GPU.
    if (System.getenv("RUST_FLAVOR") == null && System.getProperty("RUST_FLAVOR") == null) {
      System.setProperty("RUST_FLAVOR", "cpu");
    }
  }

  private static final Map<String, String> PLAIN_ENCODING =
      Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");

  private final String origin;
  private final Vocabulary vocabulary;
  private final String sha256;
  private final HuggingFaceTokenizer library;

  private Tokenizer(
      String origin, Vocabulary vocabulary, String sha256, HuggingFaceTokenizer library) {
    this.origin = origin;
    this.vocabulary = vocabulary;
    this.sha256 = sha256;
    this.library = library;
  }

  /**
   * Reads a {@code tokenizer.json} from any Hadoop path.
   *
   * @throws DataException if it is missing or is not a tokenizer
   */
  public static Tokenizer read(Configuration hadoop, Path file) {
    return of(Storage.of(hadoop, file).read(file, "The tokenizer"), file.toString());
  }

  /**
   * Makes a tokenizer from the content of a {@code tokenizer.json}.
   *
   * @param origin where the content comes from, for messages
   * @throws DataException if it is not a tokenizer
   */
  public static Tokenizer of(byte[] content, String origin) {
    TokenizerJson json = TokenizerJson.of(content, origin);
    Vocabulary vocabulary = Vocabulary.of(json.root(), origin);
    byte[] checked = json.text().getBytes(StandardCharsets.UTF_8);
    try {
      HuggingFaceTokenizer library =
          HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(checked), PLAIN_ENCODING);
      return new Tokenizer(origin, vocabulary, Checksum.of(content), library);
    } catch (IOException | RuntimeException e) {
      throw new DataException(
          origin + " is not a tokenizer that can be used: " + Shortened.of(e.getMessage()) + ".",
          e);
    }
  }

  /**
   * The ids of {@code text}; a lone surrogate in it counts as a question mark.
   *
   * @throws DataException if the tokenizer has no token for a part of the text, not even one for
   *     what is unknown
   */
  public int[] encode(String text) {
    long encoding = encoding(text);
    try {
      return narrow(TokenizersLibrary.LIB.getTokenIds(encoding));
    } finally {
      TokenizersLibrary.LIB.deleteEncoding(encoding);
    }
  }

  private long encoding(String text) {
    try {
      // The library's own encode() also fetches token strings, spans and masks: twice the time.
      return TokenizersLibrary.LIB.encode(library.getHandle(), wellFormed(text), false);
    } catch (RuntimeException e) {
      throw unable("encode a text", e);
    }
  }

  private DataException unable(String what, RuntimeException e) {
    return new DataException(
        "The tokenizer " + origin + " cannot " + what + ": " + Shortened.of(e.getMessage()) + ".",
        e);
  }

  /** The library makes several garbled characters of a lone surrogate. */
  private static String wellFormed(String text) {
    return text.chars().anyMatch(unit -> Character.isSurrogate((char) unit))
        ? new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)
        : text;
  }

  private static int[] narrow(long[] ids) {
    int[] narrow = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      narrow[i] = (int) ids[i];
    }
    return narrow;
  }

  /** The text of {@code ids}; special tokens are written out. */
  public String decode(int[] ids) {
    try {
      return library.decode(Arrays.stream(ids).asLongStream().toArray(), false);
    } catch (RuntimeException e) {
      throw unable("decode ids", e);
    }
  }

  /** One more than the largest id: the smallest vocabulary of a model that can take all ids. */
  public int vocabularySize() {
    return vocabulary.size();
  }

  /** The id of a token as it is written in the vocabulary, if there is such a token. */
  public OptionalInt id(String token) {
    return vocabulary.id(token);
  }

  /** The token of an id as it is written in the vocabulary, if there is such an id. */
  public Optional<String> token(int id) {
    return vocabulary.token(id);
  }

  /**
   * The id of a token that must exist.
   *
   * @param setting which setting names the token, for the message
   * @throws DataException if the vocabulary has no such token
   */
  public int requireId(String token, String setting) {
    return id(token)
        .orElseThrow(
            () ->
                new DataException(
                    "The tokenizer "
                        + origin
                        + " has no token \""
                        + token
                        + "\". Name one of its tokens with "
                        + setting
                        + "."));
  }

  /**
   * Checks that a model with {@code modelVocabulary} ids can take every id of this tokenizer.
   *
   * @throws DataException if it cannot
   */
  public void requireFits(int modelVocabulary, String model) {
    if (vocabularySize() > modelVocabulary) {
      throw new DataException(
          "The tokenizer "
              + origin
              + " has "
              + vocabularySize()
              + " ids, but the model "
              + model
              + " has a vocabulary of "
              + modelVocabulary
              + ". Use the tokenizer that the model was trained with.");
    }
  }

  /** The checksum of the file. */
  public String sha256() {
    return sha256;
  }

  @Override
  public void close() {
    library.close();
  }
}
