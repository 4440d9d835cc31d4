package io.sparkhawk.data.token;

import com.fasterxml.jackson.databind.JsonNode;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** The tokens of a {@code tokenizer.json} and their ids, added tokens included. */
final class Vocabulary {

  /** Far above all vocabularies that models have. */
  private static final int MAX_ID = (1 << 24) - 1;

  private final Map<String, Integer> ids;
  private final int size;

  private Vocabulary(Map<String, Integer> ids) {
    this.ids = ids;
    this.size = ids.values().stream().mapToInt(Integer::intValue).max().orElse(-1) + 1;
  }

  /**
   * Collects the vocabulary. Most models map tokens to ids; Unigram models list [token, score]
   * pairs, the id being the place in the list.
   *
   * @throws DataException if there is no vocabulary
   */
  static Vocabulary of(JsonNode tokenizer, String origin) {
    JsonNode vocabulary = tokenizer.path("model").path("vocab");
    Map<String, Integer> ids = new HashMap<>();
    if (vocabulary.isArray()) {
      for (int id = 0; id < vocabulary.size(); id++) {
        ids.put(vocabulary.get(id).path(0).asText(), id);
      }
    } else {
      vocabulary
          .properties()
          .forEach(entry -> ids.put(entry.getKey(), id(entry.getKey(), entry.getValue(), origin)));
    }
    for (JsonNode added : tokenizer.path("added_tokens")) {
      String token = added.path("content").asText();
      ids.put(token, id(token, added.path("id"), origin));
    }
    if (ids.isEmpty()) {
      throw new DataException(
          origin + " has no vocabulary (model.vocab). Name a Hugging Face tokenizer.json.");
    }
    return new Vocabulary(ids);
  }

  private static int id(String token, JsonNode id, String origin) {
    if (!id.isInt() || id.intValue() < 0 || id.intValue() > MAX_ID) {
      throw new DataException(
          "The tokenizer "
              + origin
              + " gives the token "
              + Shortened.of(token)
              + " the id "
              + Shortened.of(id.toString())
              + "; allowed are whole numbers from 0 to "
              + MAX_ID
              + ".");
    }
    return id.intValue();
  }

  int size() {
    return size;
  }

  OptionalInt id(String token) {
    Integer id = ids.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** The token of an id; the first in alphabetical order if it has several. */
  Optional<String> token(int id) {
    return ids.entrySet().stream()
        .filter(entry -> entry.getValue() == id)
        .map(Map.Entry::getKey)
        .min(Comparator.naturalOrder());
  }
}
