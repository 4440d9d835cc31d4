package io.sparkhawk.executor.model;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.tensor.ElementType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Builds models: the teacher and finished students from files, new students from their teacher. */
public final class Models {

  private Models() {}

  /**
   * Loads the Phi model of a Hugging Face folder.
   *
   * @throws io.sparkhawk.data.error.SparkhawkException if it is another model or its weights do not
   *     fit
   */
  public static LanguageModel loadTeacher(Path folder, Device device, ElementType type) {
    PhiConfig config = PhiConfig.read(folder);
    return build(
        device,
        manager -> {
          try (WeightsFile weights = new WeightsFile(folder, manager, type)) {
            return phi(config, weights, manager, type);
          }
        });
  }

  /** A teacher of these sizes that has learned nothing, for measurements. */
  public static LanguageModel randomTeacher(PhiConfig config, Device device, ElementType type) {
    return build(device, manager -> phi(config, new RandomWeights(manager, type), manager, type));
  }

  /** Loads a student from a folder in the form of the reference implementation. */
  public static LanguageModel loadStudent(Path folder, Device device, ElementType type) {
    return loadStudent(folder, StudentConfig.read(folder), device, type);
  }

  /** As {@link #loadStudent(Path, Device, ElementType)}, with a configuration read before. */
  public static LanguageModel loadStudent(
      Path folder, StudentConfig config, Device device, ElementType type) {
    return build(
        device,
        manager -> {
          try (WeightsFile weights = new WeightsFile(folder, manager, type)) {
            return phiMamba(config, weights, manager, type);
          }
        });
  }

  /** Loads whatever the folder's config.json describes: a Phi model or a student. */
  public static LanguageModel load(Path folder, Device device, ElementType type) {
    return StudentConfig.isIn(folder)
        ? loadStudent(folder, device, type)
        : loadTeacher(folder, device, type);
  }

  /**
   * A student at the start of its training: MLPs, norms, embedding and head of the teacher, mixers
   * as {@link StudentInitialisation} says. The same seed gives the same student. Its head is its
   * own even where the teacher's is tied to the embedding: the reference's students have no other.
   *
   * @param fromAttention whether mixers begin with the weights of the teacher's attention, which
   *     {@link StudentConfig#of} has found to fit
   */
  public static LanguageModel newStudent(
      LanguageModel teacher, StudentConfig config, long seed, boolean fromAttention) {
    ElementType type = teacher.elementType();
    return build(
        teacher.manager().getDevice(),
        manager ->
            phiMamba(
                config,
                new StudentInitialisation(teacher, config, manager, type, seed, fromAttention),
                manager,
                type));
  }

  private static LanguageModel phi(
      PhiConfig config, ParameterSource source, NDManager manager, ElementType type) {
    CausalMask mask = new CausalMask(manager);
    Rotary rotary =
        new Rotary(
            manager, type, config.rotaryDimensions(), config.ropeTheta(), config.maxPositions());
    int width = config.width();
    Parameter embedding = source.parameter("model.embed_tokens.weight", config.vocabulary(), width);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < config.blocks(); i++) {
      String name = "model.layers." + i;
      LayerNorm norm =
          LayerNorm.from(source, name + ".input_layernorm", width, config.layerNormEpsilon());
      Mixer mixer =
          new PhiAttention(source, name + ".self_attn", width, config.heads(), rotary, mask);
      blocks.add(new Block(norm, mixer, Mlp.from(source, name + ".mlp", width, config.mlpWidth())));
    }
    LayerNorm finalNorm =
        LayerNorm.from(source, "model.final_layernorm", width, config.layerNormEpsilon());
    Linear head =
        config.tiedHead()
            ? new Linear(
                source.tied(embedding, "lm_head.weight"),
                source.parameter("lm_head.bias", config.vocabulary()))
            : Linear.from(source, "lm_head", width, config.vocabulary());
    return new LanguageModel(manager, type, embedding, blocks, finalNorm, head);
  }

  private static LanguageModel phiMamba(
      StudentConfig config, ParameterSource source, NDManager manager, ElementType type) {
    CausalMask mask = new CausalMask(manager);
    Rotary rotary =
        config.attentionBlocks().isEmpty()
            ? null
            : new Rotary(
                manager,
                type,
                config.rotaryDimensions(),
                config.ropeTheta(),
                config.maxPositions());
    int width = config.width();
    Parameter embedding = source.parameter("backbone.embedding.weight", config.vocabulary(), width);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < config.blocks(); i++) {
      String name = "backbone.layers." + i;
      LayerNorm norm =
          LayerNorm.from(
              source, name + ".input_layernorm", width, StudentConfig.LAYER_NORM_EPSILON);
      Mixer mixer =
          config.isAttention(i)
              ? new PhiAttention(
                  source, name + ".mixer.self_attn", width, config.heads(), rotary, mask)
              : mixer(config, source, name + ".mixer", mask);
      long inner = (long) StudentConfig.MLP_FACTOR * width;
      blocks.add(new Block(norm, mixer, Mlp.from(source, name + ".mlp", width, inner)));
    }
    LayerNorm finalNorm =
        LayerNorm.from(source, "backbone.final_layernorm", width, StudentConfig.LAYER_NORM_EPSILON);
    Linear head = Linear.from(source, "lm_head", width, config.vocabulary());
    return new LanguageModel(manager, type, embedding, blocks, finalNorm, head);
  }

  private static Mixer mixer(
      StudentConfig config, ParameterSource source, String name, CausalMask mask) {
    MixerShape shape = config.mixerShape();
    return switch (config.mixer()) {
      case MAMBA2, LOW_RANK -> new DiscreteMamba2(source, name, shape, mask);
      case TOEPLITZ -> new ToeplitzMixer(source, name, shape, config.maxPositions(), mask);
    };
  }

  /** The manager passes to the model; if building fails it is closed. */
  private static LanguageModel build(
      Device device, java.util.function.Function<NDManager, LanguageModel> builder) {
    NDManager manager = NDManager.newBaseManager(device, "PyTorch");
    try {
      return builder.apply(manager);
    } catch (RuntimeException | Error e) {
      manager.close();
      throw e;
    }
  }
}
