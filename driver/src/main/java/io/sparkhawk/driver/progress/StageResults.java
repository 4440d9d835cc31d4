package io.sparkhawk.driver.progress;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StageResult;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Keeps the results of finished stages in the run folder ({@code stages/matrix.json} and so on), so
 * that a run that is resumed in a later stage can still report on the earlier ones.
 */
public final class StageResults {

  private StageResults() {}

  /**
   * Keeps one result, replacing an earlier one of the same stage.
   *
   * @throws io.sparkhawk.data.error.InfrastructureException if it cannot be written
   */
  public static void write(FileSystem fileSystem, Path runFolder, StageResult result) {
    RunFiles.write(
        fileSystem,
        file(runFolder, result.stage()),
        JsonFormat.pretty(result).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * The results that are kept, in the order of the stages.
   *
   * @throws DataException if one cannot be read
   */
  public static List<StageResult> read(FileSystem fileSystem, Path runFolder) {
    List<StageResult> results = new ArrayList<>();
    for (StageKind stage : StageKind.values()) {
      Path file = file(runFolder, stage);
      RunFiles.read(fileSystem, file).ifPresent(json -> results.add(parse(file, json)));
    }
    return List.copyOf(results);
  }

  private static StageResult parse(Path file, byte[] json) {
    try {
      return JsonFormat.read(new String(json, StandardCharsets.UTF_8), StageResult.class);
    } catch (JsonProcessingException e) {
      throw new DataException(
          file
              + " is not the result of a stage: "
              + e.getOriginalMessage()
              + ". Remove it; the report then leaves that stage out.",
          e);
    }
  }

  private static Path file(Path runFolder, StageKind stage) {
    return new Path(runFolder, "stages/" + stage.name().toLowerCase(Locale.ROOT) + ".json");
  }
}
