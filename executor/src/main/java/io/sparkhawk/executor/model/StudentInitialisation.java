package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.TensorScope;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The weights of a student before training (arXiv 2408.10189, section 4.2 and the reference's
 * modules/mixers/discrete_mamba2.py): everything that the teacher has is copied; the convolution
 * passes its input through; the gate is open; Mamba-2's D is 1; the projections are uniform in
 * 1/sqrt(inputs), torch's default.
 *
 * <p>The low-rank and Toeplitz mixers begin near a matrix of zeros: D and a Toeplitz kernel are 0,
 * and since nothing fades in a low-rank mixer, its rows of C are divided by the state size. An
 * attention map has no identity in it, and a D of 1 would outweigh all that a short run can learn.
 *
 * <p>From attention (arXiv 2408.15237, section 3): x gets the rows of the values, B those of the
 * keys, C those of the queries with attention's 1/sqrt(head size) in them, and the output
 * projection is attention's. Biases go to the convolution, whose input passes through, so they are
 * kept too; only that of the output has no place and is left out, as are rotary embedding and
 * softmax. A begins as always: there is nothing in attention that it would stand for.
 */
final class StudentInitialisation implements ParameterSource {

  /** SiLU of this is 1: with z = 0 the gate lets everything through. */
  private static final double OPEN_GATE = 1.278464542761;

  private static final String HEAD = "lm_head.weight";

  private final Map<String, Parameter> teacher = new HashMap<>();
  private final StudentConfig config;
  private final NDManager manager;
  private final ElementType type;
  private final long seed;
  private final boolean fromAttention;

  StudentInitialisation(
      LanguageModel teacher,
      StudentConfig config,
      NDManager manager,
      ElementType type,
      long seed,
      boolean fromAttention) {
    teacher.parameters().forEach(parameter -> this.teacher.put(parameter.name(), parameter));
    this.teacher.put(HEAD, teacher.head().weight()); // a tied one is there as the embedding only
    this.config = config;
    this.manager = manager;
    this.type = type;
    this.seed = seed;
    this.fromAttention = fromAttention;
  }

  @Override
  public Parameter parameter(String name, long... shape) {
    Parameter original = teacher.get(teacherName(name));
    NDArray value = original == null ? mixerWeight(name, shape) : copy(original);
    if (!value.getShape().equals(new Shape(shape))) {
      throw new IllegalArgumentException(
          name + " would get shape " + value.getShape() + ", expected " + Arrays.toString(shape));
    }
    return new Parameter(name, value);
  }

  /** The teacher's name of a student's weight; for a mixer's weight there is none of that name. */
  private static String teacherName(String name) {
    return name.replace("backbone.embedding", "model.embed_tokens")
        .replace("backbone.", "model.")
        .replace("mixer.self_attn", "self_attn");
  }

  private NDArray copy(Parameter original) {
    NDArray copy = original.value().duplicate();
    copy.attach(manager);
    return TensorScope.detach(copy);
  }

  private NDArray mixerWeight(String name, long[] shape) {
    float[] values = new float[Math.toIntExact(new Shape(shape).size())];
    switch (name.substring(name.indexOf("mixer.") + "mixer.".length())) {
      case "in_proj.weight" -> inProjection(values, name, (int) shape[1]);
      case "out_proj.weight" -> {
        fillUniform(values, name, 1 / Math.sqrt((double) shape[1]));
        if (fromAttention) {
          putAttention(values, 0, name, "dense.weight", 1);
        }
      }
      case "conv1d.weight" -> {
        int taps = (int) shape[2];
        for (int last = taps - 1; last < values.length; last += taps) {
          values[last] = 1;
        }
      }
      case "conv1d.bias" -> {
        if (fromAttention) {
          putValuesKeysAndQueries(values, name, "bias");
        }
      }
      case "z_bias" -> Arrays.fill(values, (float) OPEN_GATE);
      case "D" -> Arrays.fill(values, config.mixerShape().kind() == MixerKind.MAMBA2 ? 1 : 0);
      case "kernel" -> Arrays.fill(values, 0);
      default -> throw new IllegalArgumentException("no initial value is known for " + name);
    }
    return HostMemory.tensor(manager, values, type, shape);
  }

  /**
   * @param values rows of x, B, C, z, A, each of {@code width} inputs
   */
  private void inProjection(float[] values, String name, int width) {
    MixerShape mixer = config.mixerShape();
    fillUniform(values, name, 1 / Math.sqrt((double) width));
    int gate = mixer.convChannels() * width;
    Arrays.fill(values, gate, gate + mixer.innerWidth() * width, 0);
    if (fromAttention) {
      putValuesKeysAndQueries(values, name, "weight");
    } else if (!mixer.kind().decays()) {
      for (int i = (mixer.innerWidth() + mixer.stateChannels()) * width; i < gate; i++) {
        values[i] /= mixer.stateSize();
      }
    }
  }

  /** Fills x, B and C, with which both the input projection and the convolution begin. */
  private void putValuesKeysAndQueries(float[] values, String name, String kind) {
    double scale = 1 / Math.sqrt((double) config.mixerShape().headSize());
    int at = putAttention(values, 0, name, "v_proj." + kind, 1);
    at = putAttention(values, at, name, "k_proj." + kind, 1);
    putAttention(values, at, name, "q_proj." + kind, scale);
  }

  /**
   * Copies a weight of the attention of the block that {@code name} belongs to.
   *
   * @return where the copy ends
   */
  private int putAttention(
      float[] values, int at, String name, String attentionWeight, double factor) {
    String block = teacherName(name.substring(0, name.indexOf("mixer.")));
    Parameter original = teacher.get(block + "self_attn." + attentionWeight);
    FloatBuffer elements = HostMemory.copyFloat32(original.value()).asFloatBuffer();
    int end = at + elements.remaining();
    for (int i = at; i < end; i++) {
      values[i] = (float) (factor * elements.get());
    }
    return end;
  }

  /** Each weight has a stream of its own, so that none depends on the order of construction. */
  private void fillUniform(float[] values, String name, double bound) {
    SplittableRandom random = new SplittableRandom(seed * 31 + name.hashCode());
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
    }
  }
}
