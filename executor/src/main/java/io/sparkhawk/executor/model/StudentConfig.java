package io.sparkhawk.executor.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import io.sparkhawk.data.storage.JsonFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The sizes of a Phi-Mamba student, read and written in the form of goombalab/phi-mamba
 * (assets/sample_config.json): one {@code BlockN} entry for each run of like blocks.
 *
 * @param mixer what stands in for attention
 * @param attentionBlocks blocks, counted from 0, whose mixer is attention
 * @param rotaryDimensions rotated entries of each head of the attention blocks
 */
public record StudentConfig(
    int width,
    int blocks,
    int heads,
    int vocabulary,
    MixerKind mixer,
    int stateSize,
    int convWidth,
    int expand,
    int chunkSize,
    List<Integer> attentionBlocks,
    int rotaryDimensions,
    double ropeTheta,
    int maxPositions) {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String BLOCK = "modules.phi_block";
  private static final String ATTENTION = "modules.mixers.phi_attention";
  private static final String MAX_POSITIONS = "max_position_embeddings";
  private static final int PADDED_VOCABULARY_MULTIPLE = 8;

  /** Far above all models; each block takes memory before there are weights. */
  private static final int MAX_BLOCKS = 10_000;

  /** The reference fixes both in its block (modules/phi_block.py). */
  static final double LAYER_NORM_EPSILON = 1e-5;

  static final int MLP_FACTOR = 4;

  public StudentConfig {
    attentionBlocks = List.copyOf(new TreeSet<>(attentionBlocks));
  }

  /**
   * The student of a teacher.
   *
   * @throws ConfigurationException if the reference's format cannot express it, or the settings do
   *     not fit the teacher
   */
  public static StudentConfig of(PhiConfig teacher, StudentSettings settings) {
    if (teacher.mlpWidth() != MLP_FACTOR * teacher.width()
        || teacher.layerNormEpsilon() != LAYER_NORM_EPSILON) {
      throw new ConfigurationException(
          String.format(
              "a student needs a teacher with intermediate_size %d (4 x hidden_size) and"
                  + " layer_norm_eps 1e-05; this one has %d and %s",
              MLP_FACTOR * teacher.width(), teacher.mlpWidth(), teacher.layerNormEpsilon()));
    }
    for (int block : settings.attentionBlocks()) {
      if (block < 0 || block >= teacher.blocks()) {
        throw new ConfigurationException(
            String.format(
                "student.attention-blocks names block %d, but the teacher's blocks are 0 to %d",
                block, teacher.blocks() - 1));
      }
    }
    int stateSize = settings.stateSize() == 0 ? teacher.headSize() : settings.stateSize();
    if (settings.initialiseFromAttention()) {
      checkTakesAttention(teacher, settings, stateSize);
    }
    return new StudentConfig(
        teacher.width(),
        teacher.blocks(),
        teacher.heads(),
        teacher.vocabulary(),
        settings.mixer(),
        stateSize,
        settings.convWidth(),
        settings.expand(),
        settings.chunkSize(),
        settings.attentionBlocks(),
        teacher.rotaryDimensions(),
        teacher.ropeTheta(),
        teacher.maxPositions());
  }

  private static void checkTakesAttention(
      PhiConfig teacher, StudentSettings settings, int stateSize) {
    if (!settings.mixer().hasStates()) {
      throw new ConfigurationException(
          "student.initialise-from-attention needs a mixer with B and C to put keys and queries in;"
              + " student.mixer toeplitz has none. Take mamba2 or low-rank, or switch it off");
    }
    if (stateSize != teacher.headSize() || settings.expand() != 1) {
      throw new ConfigurationException(
          String.format(
              "student.initialise-from-attention needs student.state-size %d, the teacher's head"
                  + " size, and student.expand 1, so that the attention's weights fit; they are %d"
                  + " and %d",
              teacher.headSize(), stateSize, settings.expand()));
    }
  }

  /** The same student scanned in chunks of another size, which changes no result. */
  public StudentConfig withChunkSize(int size) {
    return new StudentConfig(
        width,
        blocks,
        heads,
        vocabulary,
        mixer,
        stateSize,
        convWidth,
        expand,
        size,
        attentionBlocks,
        rotaryDimensions,
        ropeTheta,
        maxPositions);
  }

  private int headSize() {
    return width / heads;
  }

  /** The sizes of each mixer that is not attention. */
  public MixerShape mixerShape() {
    return new MixerShape(mixer, width, expand * width, heads, stateSize, convWidth, chunkSize);
  }

  /** Whether a block, counted from 0, keeps attention. */
  public boolean isAttention(int block) {
    return attentionBlocks.contains(block);
  }

  /**
   * The config.json of the reference implementation. Mixers that it does not have are written in
   * the same form under names of their own.
   */
  public String toJson() {
    ObjectNode root = JSON.createObjectNode();
    root.putObject("LanguageModel")
        .putObject("input")
        .put("vocab_size", vocabulary)
        .put(
            "pad_vocab_size_multiple",
            vocabulary % PADDED_VOCABULARY_MULTIPLE == 0 ? PADDED_VOCABULARY_MULTIPLE : 1);
    root.putObject("MixerModel")
        .putObject("input")
        .put("d_model", width)
        .put("n_layer", blocks)
        .put("lm_head_prenorm", "layer");
    int section = 0;
    for (int block = 0; block < blocks; ) {
      int end = block;
      while (end < blocks && isAttention(end) == isAttention(block)) {
        end++;
      }
      section++;
      putSection(root.putObject("Block" + section), end - block, isAttention(block));
      block = end;
    }
    return root.toPrettyString() + "\n";
  }

  private void putSection(ObjectNode node, int count, boolean attention) {
    node.put("n_layers", count).put("BlockType", BLOCK);
    node.putObject("block_input").put("resid_dropout", 0.0);
    node.put("CoreType", attention ? ATTENTION : mixer.coreType());
    ObjectNode core = node.putObject("core_input");
    if (attention) {
      core.put("num_attention_heads", heads)
          .put("num_key_value_heads", heads)
          .put("hidden_size", width)
          .put("partial_rotary_factor", rotaryFactor())
          .put("rope_theta", ropeTheta)
          .put(MAX_POSITIONS, maxPositions)
          .put("attn_type", "eager");
    } else {
      core.put("d_state", stateSize)
          .put("n_v_heads", heads)
          .put("n_qk_heads", heads)
          .put("d_conv", convWidth)
          .put("conv_bias", true)
          .put("expand", expand)
          .put("chunk_size", chunkSize)
          .put("activation", "identity")
          .put("bias", false);
      if (mixer == MixerKind.TOEPLITZ) {
        core.put(MAX_POSITIONS, maxPositions);
      }
    }
  }

  /**
   * The share of a head that is rotated. Readers truncate its product with the head size, so where
   * the quotient was rounded down the next larger number is written.
   */
  private double rotaryFactor() {
    double factor = (double) rotaryDimensions / headSize();
    return (int) (headSize() * factor) < rotaryDimensions ? Math.nextUp(factor) : factor;
  }

  /** Whether the folder's config.json has the form of a student's; false if there is none. */
  public static boolean isIn(Path folder) {
    Path file = folder.resolve("config.json");
    try {
      return Files.isReadable(file) && JSON.readTree(ConfigFile.read(file)).has("MixerModel");
    } catch (IOException e) {
      throw new DataException("cannot read " + file + ": " + JsonFormat.reason(e), e);
    }
  }

  /**
   * Reads {@code folder/config.json}.
   *
   * @throws DataException if it is missing or describes something else
   */
  public static StudentConfig read(Path folder) {
    Path file = folder.resolve("config.json");
    try {
      return new Reader(file, JSON.readTree(ConfigFile.read(file))).config();
    } catch (IOException e) {
      throw new DataException("cannot read the student's " + file + ": " + JsonFormat.reason(e), e);
    }
  }

  /** Walks the BlockN sections; every message names the file. */
  private record Reader(Path file, JsonNode json) {

    StudentConfig config() {
      int width = integer(json.at("/MixerModel/input/d_model"), "d_model");
      requireText(json.at("/MixerModel/input/lm_head_prenorm"), "lm_head_prenorm", "layer");
      List<Integer> attention = new ArrayList<>();
      MixerSizes mixer = null;
      JsonNode phi = null;
      int blocks = 0;
      for (Map.Entry<Integer, JsonNode> section : sections().entrySet()) {
        JsonNode node = section.getValue();
        int count = integer(node.path("n_layers"), "Block" + section.getKey() + ".n_layers");
        requireText(node.path("BlockType"), "BlockType", BLOCK);
        boolean isAttention = node.path("CoreType").asText().equals(ATTENTION);
        if (count > MAX_BLOCKS - blocks) {
          throw bad("it has more than " + MAX_BLOCKS + " blocks");
        }
        for (int i = 0; i < count; i++, blocks++) {
          if (isAttention) {
            attention.add(blocks);
          }
        }
        if (isAttention) {
          phi = same(phi, node.path("core_input"), section.getKey());
        } else {
          MixerKind kind = mixerKind(node, section.getKey());
          mixer = same(mixer, new MixerSizes(kind, node.path("core_input")), section.getKey());
        }
      }
      if (blocks != integer(json.at("/MixerModel/input/n_layer"), "n_layer")) {
        throw bad("the sections hold " + blocks + " blocks, n_layer says otherwise");
      }
      if (mixer == null && phi == null) {
        throw bad("it has no section Block1");
      }
      if (mixer == null) {
        mixer = new MixerSizes(MixerKind.MAMBA2, unusedMixer(phi));
      }
      return build(width, blocks, attention, mixer.kind(), mixer.sizes(), phi);
    }

    /** What the sections that are not attention have in common. */
    private record MixerSizes(MixerKind kind, JsonNode sizes) {}

    private StudentConfig build(
        int width,
        int blocks,
        List<Integer> attention,
        MixerKind kind,
        JsonNode mixer,
        JsonNode phi) {
      int heads = integer(mixer.path("n_v_heads"), "n_v_heads");
      if (width % heads != 0
          || (phi != null && integer(phi.path("num_attention_heads"), ATTENTION) != heads)) {
        throw bad("n_v_heads and num_attention_heads must be the same divisor of d_model " + width);
      }
      if (integer(mixer.path("n_qk_heads"), "n_qk_heads") != heads
          || !mixer.path("activation").asText("identity").equals("identity")
          || mixer.path("bias").asBoolean(false)
          || !mixer.path("conv_bias").asBoolean(true)) {
        throw bad(
            "only mixers with n_qk_heads = n_v_heads, activation identity, conv_bias true and bias"
                + " false are supported");
      }
      int vocabulary = integer(json.at("/LanguageModel/input/vocab_size"), "vocab_size");
      JsonNode padding = json.at("/LanguageModel/input/pad_vocab_size_multiple");
      int multiple = padding.isMissingNode() ? 1 : integer(padding, "pad_vocab_size_multiple");
      if (multiple > Integer.MAX_VALUE - vocabulary) {
        throw bad("pad_vocab_size_multiple is " + multiple + ", which is too large");
      }
      return new StudentConfig(
          width,
          blocks,
          heads,
          (vocabulary + multiple - 1) / multiple * multiple,
          kind,
          integer(mixer.path("d_state"), "d_state"),
          integer(mixer.path("d_conv"), "d_conv"),
          integer(mixer.path("expand"), "expand"),
          integer(mixer.path("chunk_size"), "chunk_size"),
          attention,
          phi == null ? 0 : rotary(phi, width),
          phi == null ? 0 : number(phi.path("rope_theta"), "rope_theta", 10_000),
          phi == null ? mixer.path(MAX_POSITIONS).asInt(0) : phi.path(MAX_POSITIONS).asInt(2048));
    }

    /** What stands for the mixer of a student whose blocks are all attention. */
    private static JsonNode unusedMixer(JsonNode phi) {
      JsonNode heads = phi.path("num_attention_heads");
      return JSON.createObjectNode()
          .put("d_state", 64)
          .put("d_conv", 4)
          .put("expand", 1)
          .put("chunk_size", 128)
          .<ObjectNode>set("n_v_heads", heads)
          .set("n_qk_heads", heads);
    }

    private int rotary(JsonNode phi, int width) {
      int heads = integer(phi.path("num_attention_heads"), "num_attention_heads");
      if (integer(phi.path("num_key_value_heads"), "num_key_value_heads") != heads
          || integer(phi.path("hidden_size"), "hidden_size") != width) {
        throw bad("attention needs num_key_value_heads " + heads + " and hidden_size " + width);
      }
      double factor = number(phi.path("partial_rotary_factor"), "partial_rotary_factor", 0.5);
      int headSize = width / heads;
      int dimensions = (int) (headSize * factor);
      if (dimensions < 2 || dimensions > headSize || dimensions % 2 != 0) {
        throw bad("partial_rotary_factor " + factor + " gives no even number of entries");
      }
      return dimensions;
    }

    private double number(JsonNode value, String key, double absent) {
      if (!value.isMissingNode() && !value.isNumber()) {
        throw bad(key + " is " + value + ", expected a number");
      }
      return value.asDouble(absent);
    }

    private void requireText(JsonNode value, String key, String only) {
      if (!value.asText(only).equals(only)) {
        throw bad(key + " is " + value + "; only " + only + " is supported");
      }
    }

    private Map<Integer, JsonNode> sections() {
      Map<Integer, JsonNode> sections = new LinkedHashMap<>();
      for (int i = 1; json.has("Block" + i); i++) {
        sections.put(i, json.get("Block" + i));
      }
      return sections;
    }

    private MixerKind mixerKind(JsonNode node, int section) {
      String core = node.path("CoreType").asText("(none)");
      return Stream.of(MixerKind.values())
          .filter(kind -> kind.coreType().equals(core))
          .findFirst()
          .orElseThrow(() -> bad("Block" + section + " has the unknown CoreType " + core));
    }

    private <T> T same(T known, T found, int section) {
      if (known != null && !known.equals(found)) {
        throw bad(
            "Block" + section + " has another mixer or other sizes than the blocks before it");
      }
      return found;
    }

    private int integer(JsonNode value, String key) {
      if (!value.canConvertToInt() || value.asInt() < 1) {
        throw bad(key + " is " + value + ", expected a positive integer");
      }
      return value.asInt();
    }

    private DataException bad(String problem) {
      return new DataException(
          "the student configuration " + file + " cannot be used: " + Shortened.of(problem));
    }
  }
}
