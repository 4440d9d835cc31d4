package io.sparkhawk.data.token;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.stream.IntStream;

/**
 * Makes byte-level tokenizers whose ids can be computed by hand: id 0 is the end of text, and byte
 * b of the UTF-8 text is the id b + 1.
 */
public final class TestTokenizers {

  /** The token with id 0. */
  public static final String END_OF_TEXT = "<|endoftext|>";

  /** Ids 0 to 256. */
  public static final int VOCABULARY_SIZE = 257;

  private TestTokenizers() {}

  /** The content of a {@code tokenizer.json} without merges. */
  public static byte[] bytes() {
    return json(0).toString().getBytes(StandardCharsets.UTF_8);
  }

  /** As {@link #bytes}, with {@code more} further tokens that occur in no text. */
  public static byte[] withUnusedTokens(int more) {
    return json(more).toString().getBytes(StandardCharsets.UTF_8);
  }

  private static ObjectNode json(int unused) {
    ObjectNode root = new ObjectMapper().createObjectNode();
    root.put("version", "1.0").putNull("truncation").putNull("padding");
    root.putArray("added_tokens")
        .addObject()
        .put("id", 0)
        .put("content", END_OF_TEXT)
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false)
        .put("normalized", false)
        .put("special", true);
    root.putNull("normalizer");
    root.putObject("pre_tokenizer")
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", true);
    root.putNull("post_processor");
    root.putObject("decoder")
        .put("type", "ByteLevel")
        .put("add_prefix_space", true)
        .put("trim_offsets", true)
        .put("use_regex", true);
    ObjectNode model = root.putObject("model").put("type", "BPE").putNull("dropout");
    model.putNull("unk_token");
    ObjectNode vocabulary = model.putObject("vocab");
    vocabulary.put(END_OF_TEXT, 0);
    for (int value = 0; value < 256; value++) {
      vocabulary.put(Character.toString(printable(value)), value + 1);
    }
    for (int i = 0; i < unused; i++) {
      vocabulary.put("unused" + i, VOCABULARY_SIZE + i);
    }
    model.putArray("merges");
    return root;
  }

  /** The character that stands for a byte in byte-level vocabularies (GPT-2's table). */
  private static int printable(int value) {
    return isShown(value)
        ? value
        : 256 + (int) IntStream.range(0, value).filter(before -> !isShown(before)).count();
  }

  private static boolean isShown(int value) {
    return (value >= '!' && value <= '~')
        || (value >= 0xa1 && value <= 0xac)
        || (value >= 0xae && value <= 0xff);
  }

  /** The ids of a text, without the library. */
  public static int[] ids(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return IntStream.range(0, utf8.length).map(i -> Byte.toUnsignedInt(utf8[i]) + 1).toArray();
  }
}
