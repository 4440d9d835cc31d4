package io.sparkhawk.data.token;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import io.sparkhawk.data.storage.JsonFormat;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/**
 * Checks the content of a {@code tokenizer.json} before the native library sees it: there, what is
 * refused here ends the whole process instead of throwing.
 *
 * <p>The library gets the document written anew, so that it need not agree with us on repeated
 * fields, escapes, or numbers without end.
 */
final class TokenizerJson {

  private static final Set<String> MODELS = Set.of("BPE", "WordPiece", "WordLevel", "Unigram");

  /** They add special tokens, or shorten and fill up; malformed ones fail only on a text. */
  private static final List<String> AFTER_ENCODING =
      List.of("post_processor", "truncation", "padding");

  private final String origin;
  private final JsonNode root;

  private TokenizerJson(String origin, JsonNode root) {
    this.origin = origin;
    this.root = root;
  }

  /**
   * Checks a document.
   *
   * @throws DataException if it is not one that the library can be given
   */
  static TokenizerJson of(byte[] content, String origin) {
    TokenizerJson json = new TokenizerJson(origin, JsonFormat.readTree(content, origin));
    if (!json.root.isObject() || !json.root.path("model").isObject()) {
      throw json.problem("has no model");
    }
    json.checkValues(json.root);
    json.checkModel(json.root.path("model"));
    return json;
  }

  JsonNode root() {
    return root;
  }

  /** What the library is given: what it would do to ids beyond the text's own is left out. */
  String text() {
    ObjectNode plain = root.deepCopy();
    AFTER_ENCODING.forEach(plain::putNull);
    return plain.toString();
  }

  /** The library's numbers have 64 bits and its texts no lone surrogates. */
  private void checkValues(JsonNode node) {
    if (node.isNumber()
        && !(node.isIntegralNumber()
            ? node.canConvertToLong()
            : Double.isFinite(node.asDouble()))) {
      throw problem("has the number " + Shortened.of(node.asText()));
    }
    if (node.isTextual()) {
      checkText(node.textValue());
    }
    if ("Precompiled".equals(node.path("type").textValue())) {
      throw problem("has a Precompiled normalizer, which is not supported");
    }
    node.fieldNames().forEachRemaining(this::checkText);
    node.forEach(this::checkValues);
  }

  private void checkText(String text) {
    try {
      StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
    } catch (CharacterCodingException e) {
      throw problem("has a text that is not Unicode, " + Shortened.of(text));
    }
  }

  private void checkModel(JsonNode model) {
    JsonNode type = model.path("type");
    if (!type.isMissingNode() && !MODELS.contains(type.asText())) {
      throw problem("has a model of type " + Shortened.of(type.asText()) + "; known are " + MODELS);
    }
    String prefix = model.path("continuing_subword_prefix").asText("");
    for (JsonNode merge : prefix.isEmpty() ? root.path("none") : model.path("merges")) {
      String right =
          merge.isArray()
              ? merge.path(1).asText()
              : merge.asText().substring(merge.asText().indexOf(' ') + 1);
      if (!right.startsWith(prefix)) {
        throw problem(
            "merges " + Shortened.of(right) + ", which lacks the prefix " + Shortened.of(prefix));
      }
    }
  }

  private DataException problem(String what) {
    return new DataException(
        "The tokenizer "
            + origin
            + " "
            + what
            + ". Name a tokenizer.json that transformers has saved.");
  }
}
