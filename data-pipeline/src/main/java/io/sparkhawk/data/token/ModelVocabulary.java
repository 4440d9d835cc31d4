package io.sparkhawk.data.token;

import com.fasterxml.jackson.databind.JsonNode;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import io.sparkhawk.data.storage.JsonFormat;
import io.sparkhawk.data.storage.Storage;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Reads how many token ids a model of a Hugging Face folder can take. */
public final class ModelVocabulary {

  private ModelVocabulary() {}

  /**
   * The {@code vocab_size} of the folder's {@code config.json}.
   *
   * @throws DataException if the file is missing or does not say
   */
  public static int size(Configuration hadoop, Path folder) {
    Path file = new Path(folder, "config.json");
    return size(Storage.of(hadoop, file).read(file, "The configuration of the model"), file);
  }

  static int size(byte[] content, Object file) {
    JsonNode size = JsonFormat.readTree(content, file).path("vocab_size");
    if (!size.canConvertToInt() || size.asInt() < 1) {
      throw new DataException(
          file + " has no usable vocab_size: found \"" + Shortened.of(size.toString()) + "\".");
    }
    return size.asInt();
  }
}
