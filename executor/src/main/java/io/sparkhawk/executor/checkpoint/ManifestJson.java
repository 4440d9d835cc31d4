package io.sparkhawk.executor.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import io.sparkhawk.data.storage.JsonFormat;
import java.io.IOException;
import java.util.Optional;

/**
 * The text of {@code manifest.json}.
 *
 * <pre>
 * {"format": "sparkhawk-checkpoint", "version": 1, ... fields of CheckpointManifest ...}
 * {"format": "sparkhawk-checkpoint", "version": 1, "abandoned": true}
 * </pre>
 *
 * The second form stands where an unfinished checkpoint was swept away, so that a process that was
 * believed dead cannot publish it any more.
 */
final class ManifestJson {

  private static final String FORMAT = "sparkhawk-checkpoint";
  private static final int VERSION = 1;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .build();

  private ManifestJson() {}

  static byte[] abandoned() {
    return bytes(header().put("abandoned", true));
  }

  static byte[] write(CheckpointManifest manifest) {
    ObjectNode json = header();
    json.setAll((ObjectNode) JSON.valueToTree(manifest));
    return bytes(json);
  }

  private static ObjectNode header() {
    return JSON.createObjectNode().put("format", FORMAT).put("version", VERSION);
  }

  private static byte[] bytes(ObjectNode json) {
    try {
      return JSON.writeValueAsBytes(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of JSON nodes can be written", e);
    }
  }

  /**
   * Reads a manifest.
   *
   * @param path where it lies, for messages
   * @return the manifest; empty if the checkpoint was abandoned
   * @throws DataException if the text is no manifest that this version understands
   */
  static Optional<CheckpointManifest> read(String path, byte[] bytes) {
    JsonNode json;
    try {
      json = JSON.readTree(bytes);
    } catch (IOException e) {
      throw malformed(path, e);
    }
    if (!(json instanceof ObjectNode fields) || !FORMAT.equals(json.path("format").asText())) {
      throw new DataException("%s is not the manifest of a checkpoint.".formatted(path));
    }
    if (json.path("version").asInt() != VERSION) {
      throw new DataException(
          "Checkpoint manifest %s has format version %s, but this program reads version %d."
              .formatted(path, Shortened.of(json.path("version").asText("none")), VERSION));
    }
    if (json.path("abandoned").asBoolean()) {
      return Optional.empty();
    }
    fields.remove("format");
    fields.remove("version");
    try {
      return Optional.of(JSON.treeToValue(fields, CheckpointManifest.class));
    } catch (JsonProcessingException e) {
      throw malformed(path, e);
    }
  }

  private static DataException malformed(String path, IOException e) {
    return new DataException(
        "Checkpoint manifest %s is malformed: %s.".formatted(path, JsonFormat.reason(e)), e);
  }
}
