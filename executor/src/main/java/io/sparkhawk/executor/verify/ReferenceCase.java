package io.sparkhawk.executor.verify;

import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.safetensors.SafetensorsFile;
import io.sparkhawk.executor.safetensors.StoredTensor;
import io.sparkhawk.executor.train.AdamW;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A folder of parity vectors: {@code teacher/} and {@code student/} in Hugging Face form, {@code
 * expected.safetensors} with tensors, {@code expected.json} with losses and the optimizer's
 * trajectory.
 */
final class ReferenceCase implements AutoCloseable {

  static final String INPUT_IDS = "input_ids";
  static final String TRAJECTORY_IDS = "trajectory.ids.";

  /** Begins the names of the weights after the trajectory. */
  static final String FINAL = "trajectory.final.";

  private static final String JSON_FILE = "expected.json";
  private static final List<String> STAGES_BY_BLOCK =
      List.of("stage1", "stage2_mixer", "stage2_block");

  private final Path folder;
  private final SafetensorsFile tensors;
  private final JsonNode json;
  private final StudentConfig studentConfig;
  private final PhiConfig teacherConfig;
  private final Map<String, Optional<Double>> numbers = new LinkedHashMap<>();

  private ReferenceCase(Path folder, JsonNode json) {
    this.folder = folder;
    this.json = json;
    readNumbers();
    this.studentConfig = StudentConfig.read(student());
    this.teacherConfig = PhiConfig.read(teacher());
    this.tensors = SafetensorsFile.open(folder.resolve("expected.safetensors"));
  }

  /**
   * Opens the case.
   *
   * @throws DataException if a file of it is missing or cannot be read
   */
  static ReferenceCase open(Path folder) {
    for (String part : List.of("teacher", "student", JSON_FILE, "expected.safetensors")) {
      if (!Files.exists(folder.resolve(part))) {
        throw new DataException(
            "there is no "
                + folder.resolve(part)
                + "; a case is a folder with teacher/, student/, expected.json and"
                + " expected.safetensors");
      }
    }
    Path file = folder.resolve(JSON_FILE);
    try {
      JsonNode json = new ObjectMapper().readTree(Files.readAllBytes(file));
      if (!json.isObject()) {
        throw new DataException(file + " holds no JSON object");
      }
      return new ReferenceCase(folder, json);
    } catch (IOException e) {
      throw new DataException(file + " is not valid JSON: " + e.getMessage(), e);
    }
  }

  /** Gives every number in the file a name; null stands for what the case leaves out. */
  private void readNumbers() {
    for (String stage : STAGES_BY_BLOCK) {
      JsonNode losses = list(stage);
      for (int i = 0; i < losses.size(); i++) {
        numbers.put(stage + ".loss." + i, number(losses.get(i), stage + "[" + i + "]"));
      }
    }
    if (json.has("stage3")) {
      numbers.put("stage3.loss", number(json.get("stage3"), "stage3"));
    }
    JsonNode steps = list("trajectory");
    for (int k = 0; k < steps.size(); k++) {
      for (String key : List.of("loss", "grad_norm")) {
        numbers.put(
            "trajectory." + k + "." + key,
            number(steps.get(k).path(key), "trajectory[" + k + "]." + key));
      }
    }
  }

  private JsonNode list(String key) {
    JsonNode list = json.path(key);
    if (!list.isMissingNode() && !list.isArray()) {
      throw new DataException(key + " in " + folder.resolve(JSON_FILE) + " is no list");
    }
    return list;
  }

  private Optional<Double> number(JsonNode value, String key) {
    if (value.isNull()) {
      return Optional.empty();
    }
    if (!value.isNumber()) {
      throw new DataException(
          String.format(
              "%s in %s is %s, expected a number or null",
              key, folder.resolve(JSON_FILE), value.isMissingNode() ? "missing" : value));
    }
    return Optional.of(value.asDouble());
  }

  Path teacher() {
    return folder.resolve("teacher");
  }

  Path student() {
    return folder.resolve("student");
  }

  StudentConfig studentConfig() {
    return studentConfig;
  }

  PhiConfig teacherConfig() {
    return teacherConfig;
  }

  /** The names of everything that the case expects. */
  Set<String> names() {
    Set<String> names = new LinkedHashSet<>(tensors.names());
    names.removeIf(name -> name.equals(INPUT_IDS) || name.startsWith(TRAJECTORY_IDS));
    numbers.forEach((name, value) -> value.ifPresent(number -> names.add(name)));
    return names;
  }

  boolean has(String name) {
    return numbers.containsKey(name)
        ? numbers.get(name).isPresent()
        : tensors.names().contains(name);
  }

  /** Whether the case says that it leaves this number out. */
  boolean leavesOut(String name) {
    return numbers.containsKey(name) && numbers.get(name).isEmpty();
  }

  /** Whether the case expects anything whose name begins so. */
  boolean hasAny(String prefix) {
    return Stream.concat(tensors.names().stream(), numbers.keySet().stream())
        .anyMatch(name -> name.startsWith(prefix));
  }

  /** What the case expects of a quantity that it {@link #has}. */
  Quantity expected(String name) {
    return numbers.containsKey(name)
        ? Quantity.number(name, numbers.get(name).orElseThrow())
        : new Quantity(name, new Shape(shape(name)), values(name));
  }

  /** The learning rate of each step of the trajectory; none if the case has no trajectory. */
  List<Double> learningRates() {
    List<Double> rates = new ArrayList<>();
    JsonNode steps = list("trajectory");
    for (int k = 0; k < steps.size(); k++) {
      String key = "trajectory[" + k + "].lr";
      rates.add(number(steps.get(k).path("lr"), key).orElse(0.0));
    }
    return rates;
  }

  /** The recipe's, unless the case has others. */
  AdamW.Hyperparameters hyperparameters() {
    JsonNode optimizer = json.path("optimizer");
    return new AdamW.Hyperparameters(
        optimizer.at("/betas/0").asDouble(0.9),
        optimizer.at("/betas/1").asDouble(0.95),
        optimizer.path("eps").asDouble(1e-8),
        optimizer.path("weight_decay").asDouble(0.1));
  }

  double clipNorm() {
    return json.path("optimizer").path("clip_norm").asDouble(1);
  }

  long[] shape(String name) {
    return require(name).shape();
  }

  private StoredTensor require(String name) {
    if (!tensors.names().contains(name)) {
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
          String.format(
              "%s in %s must have shape (batch, length), has %s",
              name, folder, Arrays.toString(shape(name))));
    }
    for (int id : ids) {
      if (id < 0 || id >= vocabulary) {
        throw new DataException(
            name + " in " + folder + " holds id " + id + ", the vocabulary has " + vocabulary);
      }
    }
    return ids;
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

  private double[] values(String name) {
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
