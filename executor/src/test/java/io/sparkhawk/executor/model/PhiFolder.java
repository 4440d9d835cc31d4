package io.sparkhawk.executor.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sparkhawk.executor.safetensors.SafetensorsWriter;
import io.sparkhawk.executor.safetensors.StoredTensor;
import io.sparkhawk.executor.safetensors.StoredType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Test help: a small Phi model with random weights, to be changed and written as a Hugging Face
 * folder. Every weight is a multiple of 1/64 below 4, which each of the file formats holds exactly.
 */
public final class PhiFolder {

  private static final ObjectMapper JSON = new ObjectMapper();

  private final ObjectNode config = JSON.createObjectNode();
  private final Map<String, Weight> weights = new LinkedHashMap<>();

  /** One weight of the file. */
  static final class Weight {

    private final float[] values;
    private final long[] shape;

    Weight(float[] values, long... shape) {
      this.values = values;
      this.shape = shape;
    }
  }

  /** A model with the rotary settings at top level, where files of old versions hold them. */
  public PhiFolder(Random random, int blocks, int heads, int headSize, int vocabulary) {
    int width = heads * headSize;
    config
        .put("model_type", "phi")
        .put("hidden_act", "gelu_new")
        .put("qk_layernorm", false)
        .put("hidden_size", width)
        .put("intermediate_size", 4 * width)
        .put("num_hidden_layers", blocks)
        .put("num_attention_heads", heads)
        .put("num_key_value_heads", heads)
        .put("vocab_size", vocabulary)
        .put("partial_rotary_factor", 0.5)
        .put("rope_theta", 10_000.0)
        .put("layer_norm_eps", 1e-5)
        .put("max_position_embeddings", 64)
        .put("tie_word_embeddings", false);
    add(random, 1, "model.embed_tokens.weight", vocabulary, width);
    for (int i = 0; i < blocks; i++) {
      String block = "model.layers." + i + ".";
      addLayer(random, 0.7, block + "input_layernorm", width);
      for (String projection : List.of("q_proj", "k_proj", "v_proj", "dense")) {
        addLayer(random, 0.4, block + "self_attn." + projection, width, width);
      }
      addLayer(random, 0.3, block + "mlp.fc1", 4L * width, width);
      addLayer(random, 0.2, block + "mlp.fc2", width, 4L * width);
    }
    addLayer(random, 0.7, "model.final_layernorm", width);
    addLayer(random, 0.4, "lm_head", vocabulary, width);
  }

  private void addLayer(Random random, double size, String name, long... shape) {
    add(random, size, name + ".weight", shape);
    add(random, size, name + ".bias", shape[0]);
  }

  private void add(Random random, double size, String name, long... shape) {
    int count = 1;
    for (long n : shape) {
      count *= (int) n;
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      double value = Math.max(-3, Math.min(3, size * random.nextGaussian()));
      values[i] = Math.round(64 * value) / 64f;
    }
    weights.put(name, new Weight(values, shape));
  }

  /** The content of config.json, to be changed before writing. */
  ObjectNode config() {
    return config;
  }

  /** The weights by name, to be changed before writing. */
  Map<String, Weight> weights() {
    return weights;
  }

  /** Writes config.json and model.safetensors with float32 weights. */
  public void write(Path folder) {
    write(folder, StoredType.F32);
  }

  /** Writes config.json and model.safetensors. */
  void write(Path folder, StoredType type) {
    writeConfig(folder);
    SafetensorsWriter.write(folder.resolve("model.safetensors"), Map.of(), stored(type));
  }

  /** Writes config.json and {@code count} files of weights with their index. */
  void writeSharded(Path folder, int count) {
    writeConfig(folder);
    ObjectNode index = JSON.createObjectNode();
    index.putObject("metadata").put("total_size", 0);
    ObjectNode weightMap = index.putObject("weight_map");
    List<StoredTensor> all = stored(StoredType.F32);
    for (int shard = 0; shard < count; shard++) {
      String name = "model-%05d-of-%05d.safetensors".formatted(shard + 1, count);
      List<StoredTensor> some =
          all.subList(all.size() * shard / count, all.size() * (shard + 1) / count);
      some.forEach(tensor -> weightMap.put(tensor.name(), name));
      SafetensorsWriter.write(folder.resolve(name), Map.of("format", "pt"), some);
    }
    writeText(folder.resolve("model.safetensors.index.json"), index.toPrettyString());
  }

  void writeConfig(Path folder) {
    writeText(folder.resolve("config.json"), config.toPrettyString());
  }

  private static void writeText(Path file, String text) {
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<StoredTensor> stored(StoredType type) {
    List<StoredTensor> tensors = new ArrayList<>();
    weights.forEach(
        (name, weight) ->
            tensors.add(StoredTensor.of(name, type, weight.shape, bytes(weight, type))));
    return tensors;
  }

  private static ByteBuffer bytes(Weight weight, StoredType type) {
    ByteBuffer bytes =
        ByteBuffer.allocate(weight.values.length * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : weight.values) {
      switch (type) {
        case F64 -> bytes.putDouble(value);
        case F32 -> bytes.putFloat(value);
        case BF16 -> bytes.putShort((short) (Float.floatToRawIntBits(value) >> 16));
        case F16 -> bytes.putShort(float16(value));
        default -> bytes.put((byte) Math.round(value));
      }
    }
    return bytes.flip();
  }

  /** The bits of a number that is 0 or normal in float16 and needs no rounding. */
  private static short float16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 31 << 15;
    if (value == 0) {
      return (short) sign;
    }
    int exponent = Math.getExponent(value) + 15;
    return (short) (sign | exponent << 10 | (bits & 0x7fffff) >> 13);
  }
}
