package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDManager;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.safetensors.SafetensorsFolder;
import io.sparkhawk.executor.safetensors.StoredTensor;
import io.sparkhawk.executor.safetensors.StoredType;
import io.sparkhawk.executor.safetensors.TensorInfo;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;

/**
 * Weights read from the safetensors of a folder. Every weight that is missing, left over or of the
 * wrong shape is collected, so that one message lists them all; none is ever skipped silently.
 */
final class WeightsFile implements ParameterSource, AutoCloseable {

  /** What old checkpoints of Phi carry besides weights. */
  private static final String DERIVED = "rotary_emb.inv_freq";

  private static final int LISTED = 20;

  private final Path folder;
  private final SafetensorsFolder tensors;
  private final NDManager manager;
  private final ElementType type;
  private final TreeSet<String> unused;
  private final List<String> problems = new ArrayList<>();

  WeightsFile(Path folder, NDManager manager, ElementType type) {
    this.folder = folder;
    this.tensors = SafetensorsFolder.open(folder);
    this.manager = manager;
    this.type = type;
    this.unused = new TreeSet<>(tensors.names());
    unused.removeIf(name -> name.endsWith(DERIVED));
  }

  @Override
  public Parameter parameter(String name, long... shape) {
    if (!unused.remove(name)) {
      return problem(name, shape, name + " is missing, expected shape " + Arrays.toString(shape));
    }
    TensorInfo info = tensors.info(name);
    if (!Arrays.equals(shape, info.shape().stream().mapToLong(Long::longValue).toArray())) {
      return problem(
          name,
          shape,
          name + " has shape " + info.shape() + ", expected " + Arrays.toString(shape));
    }
    HostMemory.Format format = format(info.type());
    if (format == null) {
      return problem(name, shape, name + " has element type " + info.type());
    }
    StoredTensor stored = tensors.tensor(name);
    return new Parameter(name, HostMemory.read(manager, stored.data(), format, type, shape));
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

  /** Notes the problem; the placeholder lets the rest of the model be checked too. */
  private Parameter problem(String name, long[] shape, String text) {
    problems.add(text);
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
    unused.forEach(name -> problems.add(name + " is not a weight of this model"));
    if (!problems.isEmpty()) {
      int more = problems.size() - LISTED;
      throw new DataException(
          "the weights in "
              + folder
              + " do not fit its config.json: "
              + String.join("; ", problems.subList(0, Math.min(LISTED, problems.size())))
              + (more > 0 ? "; and " + more + " more" : ""));
    }
  }
}
