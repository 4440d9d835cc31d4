package io.sparkhawk.executor.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.safetensors.SafetensorsFile;
import io.sparkhawk.executor.safetensors.StoredTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;

/**
 * A folder of parity vectors: {@code teacher/} and {@code student/} in Hugging Face form, {@code
 * expected.safetensors} with tensors, {@code expected.json} with losses and the optimizer's
 * trajectory.
 */
final class ReferenceCase implements AutoCloseable {

  private final Path folder;
  private final SafetensorsFile tensors;
  private final JsonNode json;

  private ReferenceCase(Path folder, SafetensorsFile tensors, JsonNode json) {
    this.folder = folder;
    this.tensors = tensors;
    this.json = json;
  }

  static ReferenceCase open(Path folder) {
    Path file = folder.resolve("expected.json");
    try {
      JsonNode json = new ObjectMapper().readTree(Files.readAllBytes(file));
      return new ReferenceCase(
          folder, SafetensorsFile.open(folder.resolve("expected.safetensors")), json);
    } catch (IOException e) {
      throw new DataException(
          "cannot read " + file + "; a case holds teacher/, student/ and expected.*", e);
    }
  }

  Path teacher() {
    return folder.resolve("teacher");
  }

  Path student() {
    return folder.resolve("student");
  }

  boolean has(String name) {
    return tensors.names().contains(name);
  }

  Collection<String> names() {
    return tensors.names();
  }

  /** Losses and trajectory. */
  JsonNode json() {
    return json;
  }

  long[] shape(String name) {
    return require(name).shape();
  }

  private StoredTensor require(String name) {
    if (!has(name)) {
      throw new DataException("expected.safetensors in " + folder + " has no tensor " + name);
    }
    return tensors.tensor(name);
  }

  /**
   * Token ids (batch, length).
   *
   * @throws DataException if they are not there, have another shape or an id is outside of the
   *     vocabulary
   */
  int[] ids(String name, long vocabulary) {
    int[] ids = integers(name);
    if (shape(name).length != 2 || ids.length == 0) {
      throw new DataException(
          name + " in " + folder + " must have shape (batch, length), has " + info(name));
    }
    for (int id : ids) {
      if (id < 0 || id >= vocabulary) {
        throw new DataException(
            name + " in " + folder + " holds id " + id + ", the vocabulary has " + vocabulary);
      }
    }
    return ids;
  }

  private String info(String name) {
    return Arrays.toString(shape(name));
  }

  private int[] integers(String name) {
    StoredTensor tensor = require(name);
    ByteBuffer data = tensor.data();
    int[] values = new int[data.remaining() / tensor.type().bytes()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.type()) {
            case I32 -> data.getInt();
            case I64 -> Math.toIntExact(data.getLong());
            default -> throw new DataException(name + " holds no integers but " + tensor.type());
          };
    }
    return values;
  }

  /** Floating-point elements in row-major order. */
  double[] values(String name) {
    StoredTensor tensor = require(name);
    ByteBuffer data = tensor.data();
    double[] values = new double[data.remaining() / tensor.type().bytes()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.type()) {
            case F32 -> data.getFloat();
            case F64 -> data.getDouble();
            default -> throw new DataException(name + " must be F32 or F64, is " + tensor.type());
          };
    }
    return values;
  }

  @Override
  public void close() {
    tensors.close();
  }
}
