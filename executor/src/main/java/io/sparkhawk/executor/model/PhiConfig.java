package io.sparkhawk.executor.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The sizes of a Phi model, from the config.json of a Hugging Face folder.
 *
 * @param rotaryDimensions entries of each head that are rotated
 * @param maxPositions longest sequence of the model
 * @param tiedHead whether the head's weight is the embedding
 */
public record PhiConfig(
    int width,
    int blocks,
    int heads,
    int mlpWidth,
    int vocabulary,
    int rotaryDimensions,
    double ropeTheta,
    double layerNormEpsilon,
    int maxPositions,
    boolean tiedHead) {

  private static final ObjectMapper JSON = new ObjectMapper();

  public int headSize() {
    return width / heads;
  }

  /**
   * Reads {@code folder/config.json}.
   *
   * @throws ConfigurationException for another kind of model than Phi
   * @throws DataException if the file is missing or makes no sense
   */
  public static PhiConfig read(Path folder) {
    Path file = folder.resolve("config.json");
    if (!Files.isReadable(file)) {
      throw new DataException(
          "cannot read " + file + "; a teacher is a Hugging Face folder with config.json");
    }
    try {
      return new Reader(file, JSON.readTree(Files.readAllBytes(file))).config();
    } catch (IOException e) {
      throw new DataException(file + " is not valid JSON: " + e.getMessage(), e);
    }
  }

  /** Reads the keys, each with a message that names file and key. */
  private record Reader(Path file, JsonNode json) {

    PhiConfig config() {
      String kind = json.path("model_type").asText("(none)");
      if (!kind.equals("phi")) {
        throw new ConfigurationException(
            "model_type " + kind + " in " + file + " is not supported; only phi is");
      }
      requireValue("hidden_act", "gelu_new", "gelu_new");
      requireValue("qk_layernorm", "false", "false");
      int width = integer("hidden_size");
      int heads = integer("num_attention_heads");
      if (width % heads != 0) {
        throw bad("num_attention_heads", heads, "a divisor of hidden_size " + width);
      }
      requireValue("num_key_value_heads", String.valueOf(heads), String.valueOf(heads));
      return new PhiConfig(
          width,
          integer("num_hidden_layers"),
          heads,
          integer("intermediate_size"),
          integer("vocab_size"),
          rotaryDimensions(width / heads),
          rope("rope_theta", 10_000),
          json.path("layer_norm_eps").asDouble(1e-5),
          json.path("max_position_embeddings").asInt(2048),
          json.path("tie_word_embeddings").asBoolean(false));
    }

    /** transformers' modeling_phi.py truncates the product. */
    private int rotaryDimensions(int headSize) {
      double factor = rope("partial_rotary_factor", 0.5);
      int dimensions = (int) (headSize * factor);
      if (dimensions < 2 || dimensions > headSize || dimensions % 2 != 0) {
        throw bad("partial_rotary_factor", factor, "one that gives an even number of entries");
      }
      return dimensions;
    }

    /** Newer files hold the rotary settings in rope_parameters, older ones at top level. */
    private double rope(String key, double absent) {
      JsonNode nested = json.path("rope_parameters");
      String type = nested.path("rope_type").asText("default");
      if (!type.equals("default") || json.path("rope_scaling").isObject()) {
        throw new ConfigurationException(
            "rotary scaling in " + file + " is not supported; only rope_type default is");
      }
      return nested.has(key) ? nested.get(key).asDouble() : json.path(key).asDouble(absent);
    }

    private int integer(String key) {
      JsonNode value = json.path(key);
      if (!value.canConvertToInt() || value.asInt() < 1) {
        throw bad(key, value, "a positive integer");
      }
      return value.asInt();
    }

    /**
     * A key that is absent or null takes its default; any other value than {@code only} is refused.
     */
    private void requireValue(String key, String absent, String only) {
      String found = json.path(key).isNull() ? absent : json.path(key).asText(absent);
      if (!found.equals(only)) {
        throw new ConfigurationException(
            key + " " + found + " in " + file + " is not supported; only " + only + " is");
      }
    }

    private DataException bad(String key, Object value, String expected) {
      return new DataException(
          key + " in " + file + " is " + (value + "").strip() + ", expected " + expected);
    }
  }
}
