package io.sparkhawk.executor.model;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.safetensors.SafetensorsWriter;
import io.sparkhawk.executor.safetensors.StoredType;
import io.sparkhawk.executor.safetensors.TensorInfo;
import io.sparkhawk.executor.tensor.HostMemory;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Writes a student as a Hugging Face style folder with the names of the reference implementation,
 * float32 weights in model.safetensors.
 */
public final class StudentFiles {

  private static final String TOKENIZER = "tokenizer";

  private StudentFiles() {}

  /**
   * Writes weights, then the teacher's tokenizer files, then config.json: a folder with config.json
   * is whole. Files that are there already are replaced.
   *
   * @param folder where to; created
   * @param teacherFolder the local folder that the tokenizer files come from
   * @param metadata strings for the header of the weights file
   */
  public static void write(
      LanguageModel student,
      StudentConfig config,
      Storage storage,
      Path folder,
      java.nio.file.Path teacherFolder,
      Map<String, String> metadata) {
    FileSystem files = storage.fileSystem();
    try {
      files.mkdirs(folder);
      files.delete(new Path(folder, "config.json"), false);
      try (OutputStream out = files.create(new Path(folder, "model.safetensors"), true)) {
        writeWeights(student, out, metadata);
      }
      copyTokenizer(teacherFolder, files, folder);
      try (OutputStream out = files.create(new Path(folder, "config.json"), true)) {
        out.write(config.toJson().getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      throw Storage.writeFailure(folder, e);
    }
  }

  private static void writeWeights(
      LanguageModel student, OutputStream out, Map<String, String> metadata) throws IOException {
    List<Parameter> parameters = student.parameters();
    SafetensorsWriter writer =
        SafetensorsWriter.start(
            Channels.newChannel(out),
            metadata,
            parameters.stream()
                .map(p -> TensorInfo.of(p.name(), StoredType.F32, p.shape().getShape()))
                .toList());
    for (Parameter parameter : parameters) {
      writer.append(HostMemory.copyFloat32(parameter.value()));
    }
    writer.finish();
  }

  private static void copyTokenizer(java.nio.file.Path teacherFolder, FileSystem files, Path folder)
      throws IOException {
    java.io.File[] found =
        teacherFolder.toFile().listFiles((dir, name) -> name.startsWith(TOKENIZER));
    if (found == null) {
      throw new InfrastructureException("cannot list the teacher's folder " + teacherFolder);
    }
    Arrays.sort(found);
    for (java.io.File file : found) {
      files.copyFromLocalFile(
          false, true, new Path(file.toURI()), new Path(folder, file.getName()));
    }
  }
}
