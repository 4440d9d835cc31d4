package io.sparkhawk.driver.progress;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.train.Evaluation;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Optional;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * The teacher and the finished student on the same held-out rows, kept in the run folder as {@code
 * evaluation.json}.
 */
public record FinalEvaluations(Evaluation teacher, Evaluation student) {

  /** Name of the file in a run folder. */
  public static final String FILE_NAME = "evaluation.json";

  public FinalEvaluations {
    Objects.requireNonNull(teacher, "teacher");
    Objects.requireNonNull(student, "student");
  }

  /**
   * Writes the file, replacing an earlier one.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if it cannot be written
   */
  public void write(FileSystem fileSystem, Path runFolder) {
    RunFiles.write(
        fileSystem,
        new Path(runFolder, FILE_NAME),
        JsonFormat.pretty(this).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * What a run folder has, if anything: runs that have not ended have none.
   *
   * @throws DataException if the file cannot be read
   */
  public static Optional<FinalEvaluations> read(FileSystem fileSystem, Path runFolder) {
    Path file = new Path(runFolder, FILE_NAME);
    return RunFiles.read(fileSystem, file).map(json -> parse(file, json));
  }

  private static FinalEvaluations parse(Path file, byte[] json) {
    try {
      return JsonFormat.read(new String(json, StandardCharsets.UTF_8), FinalEvaluations.class);
    } catch (JsonProcessingException e) {
      throw new DataException(
          file
              + " is not what a run measured: "
              + e.getOriginalMessage()
              + ". Remove it; the report then leaves that part out.",
          e);
    }
  }
}
