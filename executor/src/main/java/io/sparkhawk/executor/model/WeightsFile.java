package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.safetensors.SafetensorsFolder;
import io.sparkhawk.executor.safetensors.StoredTensor;
import io.sparkhawk.executor.safetensors.StoredType;
import io.sparkhawk.executor.safetensors.TensorInfo;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Weights read from the safetensors of a folder. Every weight that is missing, left over or of the
 * wrong shape is collected, so that one message lists them all; none is ever skipped silently.
 */
final class WeightsFile implements ParameterSource, AutoCloseable {

  /** Names of one kind that a message lists; a model of other sizes has hundreds. */
  private static final int LISTED = 20;

  /** Half-precision files round derived numbers to three digits. */
  private static final double DERIVED_TOLERANCE = 1e-2;

  private enum Problem {
    MISSING("missing"),
    UNFIT("of another shape or type"),
    UNKNOWN("not of this model"),
    CONTRADICTORY("in contradiction to config.json");

    private final String text;

    Problem(String text) {
      this.text = text;
    }
  }

  private final Path folder;
  private final SafetensorsFolder tensors;
  private final NDManager manager;
  private final ElementType type;
  private final TreeSet<String> unused;
  private final Map<Problem, List<String>> problems = new EnumMap<>(Problem.class);

  WeightsFile(Path folder, NDManager manager, ElementType type) {
    this.folder = folder;
    this.tensors = SafetensorsFolder.open(folder);
    this.manager = manager;
    this.type = type;
    this.unused = new TreeSet<>(tensors.names());
  }

  @Override
  public Parameter parameter(String name, long... shape) {
    if (!unused.remove(name)) {
      return placeholder(Problem.MISSING, name, name + " " + Arrays.toString(shape), shape);
    }
    TensorInfo info = tensors.info(name);
    if (!Arrays.equals(shape, info.shape().stream().mapToLong(Long::longValue).toArray())) {
      String found = name + " is " + info.shape() + ", expected " + Arrays.toString(shape);
      return placeholder(Problem.UNFIT, name, found, shape);
    }
    HostMemory.Format format = format(info.type());
    if (format == null) {
      String found = name + " is " + info.type() + ", expected F16, BF16, F32 or F64";
      return placeholder(Problem.UNFIT, name, found, shape);
    }
    StoredTensor stored = tensors.tensor(name);
    return new Parameter(name, HostMemory.read(manager, stored.data(), format, type, shape));
  }

  /**
   * {@code original}, which config.json gives a second name. Files may hold it under that name too,
   * but then it must be the same.
   */
  @Override
  public Parameter tied(Parameter original, String name) {
    boolean both = tensors.names().containsAll(List.of(name, original.name()));
    if (both && unused.remove(name) && !sameTensors(name, original.name())) {
      note(
          Problem.CONTRADICTORY,
          name + " differs from " + original.name() + ", which tie_word_embeddings makes one");
    }
    return original;
  }

  private boolean sameTensors(String first, String second) {
    return tensors.info(first).type() == tensors.info(second).type()
        && tensors.info(first).shape().equals(tensors.info(second).shape())
        && tensors.tensor(first).data().equals(tensors.tensor(second).data());
  }

  @Override
  public void derived(String name, float... expected) {
    if (!unused.remove(name)) {
      return;
    }
    TensorInfo info = tensors.info(name);
    HostMemory.Format format = format(info.type());
    boolean same = format != null && info.shape().equals(List.of((long) expected.length));
    if (same) {
      try (NDArray stored =
          HostMemory.read(
              manager, tensors.tensor(name).data(), format, ElementType.FLOAT32, expected.length)) {
        FloatBuffer found = HostMemory.copyFloat32(stored).asFloatBuffer();
        for (int i = 0; i < expected.length; i++) {
          same &= Math.abs(found.get(i) - expected[i]) <= DERIVED_TOLERANCE * expected[i];
        }
      }
    }
    if (!same) {
      note(Problem.CONTRADICTORY, name + " is not " + Arrays.toString(expected));
    }
  }

  private static HostMemory.Format format(StoredType stored) {
    return switch (stored) {
      case F64 -> HostMemory.Format.FLOAT64;
      case F32 -> HostMemory.Format.FLOAT32;
      case F16 -> HostMemory.Format.FLOAT16;
      case BF16 -> HostMemory.Format.BFLOAT16;
      default -> null;
    };
  }

  private void note(Problem problem, String text) {
    problems.computeIfAbsent(problem, kind -> new ArrayList<>()).add(text);
  }

  /** Notes the problem; the placeholder lets the rest of the model be checked too. */
  private Parameter placeholder(Problem problem, String name, String text, long... shape) {
    note(problem, text);
    return new Parameter(
        name, Operators.zeros(manager, ElementType.FLOAT32, new long[shape.length]));
  }

  /**
   * Ends the reading.
   *
   * @throws DataException that lists all problems
   */
  @Override
  public void close() {
    tensors.close();
    unused.forEach(name -> note(Problem.UNKNOWN, name));
    if (!problems.isEmpty()) {
      throw new DataException(
          problems.entrySet().stream()
              .map(entry -> listed(entry.getKey(), entry.getValue()))
              .collect(
                  Collectors.joining(
                      "; ", "the weights in " + folder + " do not fit its config.json: ", "")));
    }
  }

  private static String listed(Problem problem, List<String> found) {
    int more = found.size() - LISTED;
    return found.size()
        + " "
        + problem.text
        + ": "
        + String.join(", ", found.subList(0, Math.min(LISTED, found.size())))
        + (more > 0 ? " and " + more + " more" : "");
  }
}
