package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The weights of a student before training (arXiv 2408.10189, section 4.2 and the reference's
 * modules/mixers/discrete_mamba2.py): everything that the teacher has is copied; the convolution
 * passes its input through; the gate is open; D is 1; the projections are uniform in
 * 1/sqrt(inputs), torch's default.
 */
final class StudentInitialisation implements ParameterSource {

  /** SiLU of this is 1: with z = 0 the gate lets everything through. */
  private static final double OPEN_GATE = 1.278464542761;

  private final Map<String, Parameter> teacher;
  private final StudentConfig config;
  private final NDManager manager;
  private final ElementType type;
  private final long seed;

  StudentInitialisation(
      LanguageModel teacher, StudentConfig config, NDManager manager, ElementType type, long seed) {
    this.teacher =
        teacher.parameters().stream()
            .collect(Collectors.toMap(Parameter::name, Function.identity()));
    this.config = config;
    this.manager = manager;
    this.type = type;
    this.seed = seed;
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
    int size = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
    float[] values = new float[size];
    switch (name.substring(name.indexOf("mixer.") + "mixer.".length())) {
      case "in_proj.weight" -> {
        fillUniform(values, name, 1 / Math.sqrt((double) shape[1]));
        int firstGateRow = config.mamba().convChannels();
        int from = Math.toIntExact(firstGateRow * shape[1]);
        Arrays.fill(
            values, from, from + Math.toIntExact(config.mamba().innerWidth() * shape[1]), 0);
      }
      case "out_proj.weight" -> fillUniform(values, name, 1 / Math.sqrt((double) shape[1]));
      case "conv1d.weight" -> {
        int taps = (int) shape[2];
        for (int last = taps - 1; last < size; last += taps) {
          values[last] = 1;
        }
      }
      case "conv1d.bias" -> {}
      case "z_bias" -> Arrays.fill(values, (float) OPEN_GATE);
      case "D" -> Arrays.fill(values, 1);
      default -> throw new IllegalArgumentException("no initial value is known for " + name);
    }
    return HostMemory.tensor(manager, values, type, shape);
  }

  /** Each weight has a stream of its own, so that none depends on the order of construction. */
  private void fillUniform(float[] values, String name, double bound) {
    SplittableRandom random = new SplittableRandom(seed * 31 + name.hashCode());
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
    }
  }
}
