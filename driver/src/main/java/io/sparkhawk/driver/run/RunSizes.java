package io.sparkhawk.driver.run;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.plan.RowLength;
import io.sparkhawk.executor.model.PhiConfig;
import java.io.IOException;
import java.nio.file.Files;
import org.apache.hadoop.fs.Path;

/** The sizes of a run's models and data, read without their weights and tokens. */
public final class RunSizes {

  private static final String CONFIG = "config.json";

  private RunSizes() {}

  /**
   * The teacher's sizes, from its folder's config.json alone.
   *
   * @throws DataException if there is none
   */
  public static PhiConfig teacher(RunConfig config) {
    Path folder = Storage.path(config.teacher());
    Storage storage = Storage.of(Plans.hadoopConfiguration(config), folder);
    if (storage.isLocal()) {
      return PhiConfig.read(storage.localPath(folder));
    }
    byte[] content =
        storage
            .readIfPresent(new Path(folder, CONFIG))
            .orElseThrow(() -> new DataException("the teacher " + folder + " has no " + CONFIG));
    try {
      java.nio.file.Path copy = Files.createTempDirectory("sparkhawk-plan-");
      try {
        Files.write(copy.resolve(CONFIG), content);
        return PhiConfig.read(copy);
      } finally {
        Files.deleteIfExists(copy.resolve(CONFIG));
        Files.delete(copy);
      }
    } catch (IOException e) {
      throw new InfrastructureException("cannot copy " + CONFIG + " of " + folder, e);
    }
  }

  /** The data set's rows if it is there, else as long as the teacher takes. */
  public static RowLength rowLength(RunConfig config, PhiConfig teacher) {
    Path folder = Storage.path(config.data());
    return DataManifest.readIfPresent(
            Storage.of(Plans.hadoopConfiguration(config), folder).fileSystem(), folder)
        .map(manifest -> new RowLength(manifest.seqLen(), "the data set's"))
        .orElseGet(
            () ->
                new RowLength(
                    teacher.maxPositions(), "the teacher's most; there is no data set yet"));
  }
}
