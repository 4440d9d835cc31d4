package io.sparkhawk.executor.safetensors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.Shortened;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The weights of a Hugging Face model folder: {@code model.safetensors}, or several files that
 * {@code model.safetensors.index.json} lists.
 */
public final class SafetensorsFolder implements AutoCloseable {

  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final Pattern PLAIN_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._+=@-]{0,199}");
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final Path folder;
  private final Map<String, SafetensorsFile> fileOfTensor;

  private SafetensorsFolder(Path folder, Map<String, SafetensorsFile> fileOfTensor) {
    this.folder = folder;
    this.fileOfTensor = Collections.unmodifiableMap(fileOfTensor);
  }

  /**
   * Opens all files of the folder and checks their headers, and that they hold what the index says.
   *
   * @throws DataException if weights are missing, malformed or in another format
   * @throws InfrastructureException if a file cannot be read
   */
  public static SafetensorsFolder open(Path folder) {
    if (Files.exists(folder.resolve(INDEX))) {
      return openIndexed(folder);
    }
    if (Files.exists(folder.resolve(SINGLE))) {
      SafetensorsFile file = SafetensorsFile.open(folder.resolve(SINGLE));
      Map<String, SafetensorsFile> fileOfTensor = new LinkedHashMap<>();
      file.names().forEach(name -> fileOfTensor.put(name, file));
      return new SafetensorsFolder(folder, fileOfTensor);
    }
    if (Files.exists(folder.resolve("pytorch_model.bin"))
        || Files.exists(folder.resolve("pytorch_model.bin.index.json"))) {
      throw new DataException(
          ("Model folder %s has its weights only as pytorch_model.bin, which can run code"
                  + " when it is read. Convert it: load it in Python with transformers and call"
                  + " save_pretrained(folder, safe_serialization=True).")
              .formatted(folder));
    }
    throw new DataException(
        "Model folder %s has neither %s nor %s.".formatted(folder, SINGLE, INDEX));
  }

  private static SafetensorsFolder openIndexed(Path folder) {
    Path index = folder.resolve(INDEX);
    JsonNode weightMap = readJson(index).path("weight_map");
    if (!weightMap.isObject() || weightMap.isEmpty()) {
      throw new DataException(
          "Weights index %s has no weight_map from tensor names to files.".formatted(index));
    }
    Map<String, String> fileNames = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> item : weightMap.properties()) {
      fileNames.put(item.getKey(), plainFileName(index, item.getKey(), item.getValue()));
    }
    requireFiles(index, new TreeSet<>(fileNames.values()));
    Map<String, SafetensorsFile> files = new TreeMap<>();
    boolean complete = false;
    try {
      for (String name : new TreeSet<>(fileNames.values())) {
        files.put(name, SafetensorsFile.open(folder.resolve(name)));
      }
      requireSameTensors(index, fileNames, files);
      complete = true;
    } finally {
      if (!complete) {
        files.values().forEach(SafetensorsFile::close);
      }
    }
    Map<String, SafetensorsFile> fileOfTensor = new LinkedHashMap<>();
    fileNames.forEach((tensor, name) -> fileOfTensor.put(tensor, files.get(name)));
    return new SafetensorsFolder(folder, fileOfTensor);
  }

  /** All files of the index are there, and no other weights that one could mean instead. */
  private static void requireFiles(Path index, Set<String> names) {
    List<String> missing =
        names.stream().filter(name -> !Files.isRegularFile(index.resolveSibling(name))).toList();
    if (!missing.isEmpty()) {
      throw new DataException(
          "Weights index %s names files that do not exist: %s."
              .formatted(index, Shortened.of(String.join(", ", missing))));
    }
    if (Files.exists(index.resolveSibling(SINGLE)) && !names.contains(SINGLE)) {
      throw new DataException(
          "Weights index %s does not name %s, which lies beside it. Remove one of the two."
              .formatted(index, SINGLE));
    }
  }

  /** The files hold the tensors that the index says, and no others. */
  private static void requireSameTensors(
      Path index, Map<String, String> fileNames, Map<String, SafetensorsFile> files) {
    List<String> problems = new ArrayList<>();
    fileNames.forEach(
        (tensor, name) -> {
          if (!files.get(name).names().contains(tensor)) {
            problems.add("%s is not in %s".formatted(tensor, name));
          }
        });
    files.forEach(
        (name, file) ->
            file.names().stream()
                .filter(tensor -> !name.equals(fileNames.get(tensor)))
                .forEach(tensor -> problems.add("%s is in %s".formatted(tensor, name))));
    if (!problems.isEmpty()) {
      throw new DataException(
          "Weights index %s does not say what its files hold: %s."
              .formatted(index, Shortened.of(String.join("; ", problems))));
    }
  }

  /** An index from outside must not make us read files outside of its folder. */
  private static String plainFileName(Path index, String tensor, JsonNode value) {
    String name = value.asText();
    if (!value.isTextual() || !PLAIN_NAME.matcher(name).matches()) {
      throw new DataException(
          ("Weights index %s places tensor %s in %s, which is not the name of a file in the"
                  + " same folder.")
              .formatted(index, Shortened.of(tensor), Shortened.of(value.toString())));
    }
    return name;
  }

  private static JsonNode readJson(Path index) {
    try (InputStream in = Files.newInputStream(index)) {
      byte[] json = in.readNBytes(SafetensorsHeader.MAX_BYTES + 1);
      if (json.length > SafetensorsHeader.MAX_BYTES) {
        throw new DataException(
            "Weights index %s is larger than %d bytes."
                .formatted(index, SafetensorsHeader.MAX_BYTES));
      }
      return JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new DataException(
          "Weights index %s is not valid JSON: %s"
              .formatted(index, Shortened.of(e.getOriginalMessage())),
          e);
    } catch (IOException e) {
      throw new InfrastructureException(
          "Weights index %s cannot be read: %s".formatted(index, e), e);
    }
  }

  /** The names of all tensors. */
  public Set<String> names() {
    return fileOfTensor.keySet();
  }

  /** Type and shape of a tensor; a {@link DataException} if there is none of this name. */
  public TensorInfo info(String name) {
    return fileOf(name).info(name);
  }

  /** Maps a tensor, as {@link SafetensorsFile#tensor} does. */
  public StoredTensor tensor(String name) {
    return fileOf(name).tensor(name);
  }

  private SafetensorsFile fileOf(String name) {
    SafetensorsFile file = fileOfTensor.get(name);
    if (file == null) {
      throw new DataException(
          "Model folder %s has no tensor %s among its %d tensors."
              .formatted(folder, name, fileOfTensor.size()));
    }
    return file;
  }

  /** Closes the files; tensors that were mapped stay valid. Does not throw. */
  @Override
  public void close() {
    fileOfTensor.values().forEach(SafetensorsFile::close);
  }
}
