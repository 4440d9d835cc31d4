package io.sparkhawk.driver.progress;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.compare.ModelComparison;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Keeps the comparison of the teacher with the finished student in the run folder as {@code
 * comparison.json}.
 */
public final class ComparisonFile {

  /** Name of the file in a run folder. */
  public static final String FILE_NAME = "comparison.json";

  private ComparisonFile() {}

  /**
   * Writes the file, replacing an earlier one.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if it cannot be written
   */
  public static void write(FileSystem fileSystem, Path runFolder, ModelComparison comparison) {
    RunFiles.write(
        fileSystem,
        new Path(runFolder, FILE_NAME),
        JsonFormat.pretty(comparison).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * What a run folder has, if anything: runs that have not ended have none.
   *
   * @throws DataException if the file cannot be read
   */
  public static Optional<ModelComparison> read(FileSystem fileSystem, Path runFolder) {
    Path file = new Path(runFolder, FILE_NAME);
    return RunFiles.read(fileSystem, file).map(json -> parse(file, json));
  }

  private static ModelComparison parse(Path file, byte[] json) {
    try {
      return JsonFormat.read(new String(json, StandardCharsets.UTF_8), ModelComparison.class);
    } catch (JsonProcessingException e) {
      throw new DataException(
          file
              + " is not a comparison of two models: "
              + e.getOriginalMessage()
              + ". Remove it; the report then leaves that part out.",
          e);
    }
  }
}
