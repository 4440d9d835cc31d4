package io.sparkhawk.executor.model;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import io.sparkhawk.data.storage.JsonFormat;
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

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

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
      return new Reader(file, JSON.readTree(ConfigFile.read(file))).config();
    } catch (IOException e) {
      throw new DataException(file + " is not valid JSON: " + JsonFormat.reason(e), e);
    }
  }

  /** Reads the keys, each with a message that names file and key. */
  private record Reader(Path file, JsonNode json) {

    PhiConfig config() {
      String kind = json.path("model_type").asText("(none)");
      if (!kind.equals("phi")) {
        throw new ConfigurationException(
            "model_type " + Shortened.of(kind) + " in " + file + " is not supported; only phi is");
      }
      requireValue("hidden_act", "gelu_new", "gelu_new");
      requireValue("qk_layernorm", "false", "false");
      requireAbsent("quantization_config");
      requireAbsent("rope_scaling");
      int width = integer("hidden_size");
      int heads = integer("num_attention_heads");
      if (width % heads != 0) {
        throw bad("num_attention_heads", heads, "a divisor of hidden_size " + width);
      }
      requireValue("num_key_value_heads", String.valueOf(heads), String.valueOf(heads));
      requireValue("head_dim", String.valueOf(width / heads), String.valueOf(width / heads));
      return new PhiConfig(
          width,
          integer("num_hidden_layers"),
          heads,
          integer("intermediate_size"),
          integer("vocab_size"),
          rotaryDimensions(width / heads),
          rotary("rope_theta", 10_000),
          number(json.path("layer_norm_eps"), "layer_norm_eps", 1e-5),
          given(json.path("max_position_embeddings")) ? integer("max_position_embeddings") : 2048,
          tied());
    }

    /** transformers' modeling_phi.py truncates the product. */
    private int rotaryDimensions(int headSize) {
      double factor = rotary("partial_rotary_factor", 0.5);
      int dimensions = (int) (headSize * factor);
      if (dimensions < 2 || dimensions > headSize || dimensions % 2 != 0) {
        throw bad("partial_rotary_factor", factor, "one that gives an even number of entries");
      }
      return dimensions;
    }

    /**
     * Newer files hold the rotary settings in rope_parameters, older ones at top level. Where there
     * are both the former count, as for transformers: it writes its defaults to the top level of a
     * file whose rope_parameters say otherwise.
     */
    private double rotary(String key, double absent) {
      JsonNode nested = json.path("rope_parameters");
      String type = nested.path("rope_type").asText("default");
      if (!type.equals("default")) {
        throw new ConfigurationException(
            "rope_type "
                + Shortened.of(type)
                + " in "
                + file
                + " is not supported; only default is");
      }
      double outer = number(json.path(key), key, absent);
      return number(nested.path(key), "rope_parameters." + key, outer);
    }

    private boolean tied() {
      JsonNode value = json.path("tie_word_embeddings");
      if (given(value) && !value.isBoolean()) {
        throw bad("tie_word_embeddings", value, "true or false");
      }
      return value.asBoolean(false);
    }

    private static boolean given(JsonNode value) {
      return !value.isMissingNode() && !value.isNull();
    }

    private double number(JsonNode value, String key, double absent) {
      if (given(value) && !value.isNumber()) {
        throw bad(key, value, "a number");
      }
      return value.asDouble(absent);
    }

    private void requireAbsent(String key) {
      if (given(json.path(key))) {
        throw new ConfigurationException(
            key + " in " + file + " is not supported; take a model without it");
      }
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
      String found = !given(json.path(key)) ? absent : json.path(key).asText(absent);
      if (!found.equals(only)) {
        throw new ConfigurationException(
            key
                + " "
                + Shortened.of(found)
                + " in "
                + file
                + " is not supported; only "
                + only
                + " is");
      }
    }

    private DataException bad(String key, Object value, String expected) {
      return new DataException(
          key
              + " in "
              + file
              + " is "
              + Shortened.of(value + "").strip()
              + ", expected "
              + expected);
    }
  }
}
