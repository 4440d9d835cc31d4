package io.sparkhawk.driver.inspect;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;

/**
 * Finds the runs and data sets of a folder, which is one of them or holds some, and tells what is
 * in them; on request it reads everything that has a checksum.
 */
public final class Inspection {

  private final Configuration hadoop;
  private final Storage storage;
  private final boolean verify;
  private final ContentTable table;

  /** Everything that is wrong, in sentences. */
  private final List<String> problems = new ArrayList<>();

  private Inspection(Configuration hadoop, Storage storage, boolean verify, ContentTable table) {
    this.hadoop = hadoop;
    this.storage = storage;
    this.verify = verify;
    this.table = table;
  }

  /**
   * Looks at a folder.
   *
   * @param path the folder of a run, of a data set, or one that holds some of these
   * @param verify whether to read everything and compare checksums
   * @param now the present, in milliseconds since the epoch
   * @param out takes the lines of the listing as they come
   * @throws DataException if there is nothing of the kind, or something is damaged
   * @throws InfrastructureException if the storage fails
   */
  public static void run(
      Configuration hadoop, String path, boolean verify, long now, Consumer<String> out) {
    Path parsed = Storage.path(path);
    Storage storage = Storage.of(hadoop, parsed);
    Path folder = storage.fileSystem().makeQualified(parsed);
    new Inspection(hadoop, storage, verify, new ContentTable(now, out)).inspect(folder);
  }

  private void inspect(Path folder) {
    if (!inspectOne(folder, children(folder))) {
      boolean any = false;
      for (FileStatus child : children(folder)) {
        any |= child.isDirectory() && inspectOne(child.getPath(), children(child.getPath()));
      }
      if (!any) {
        throw new DataException(
            "There is neither a run nor a data set in " + folder + "; check the path.");
      }
    }
    table.total(verify, problems.size());
    if (!problems.isEmpty()) {
      throw new DataException(
          problems.size() == 1
              ? problems.get(0)
              : problems.size() + " files are damaged, the first: " + problems.get(0));
    }
  }

  private boolean inspectOne(Path folder, List<FileStatus> children) {
    List<String> names = children.stream().map(child -> child.getPath().getName()).toList();
    if (names.contains("checkpoints") || names.contains(MetricsLog.FILE_NAME)) {
      inspectRun(folder);
      return true;
    }
    if (names.contains(DataManifest.FILE_NAME)) {
      DataSetTable.inspect(storage, folder, verify, table).forEach(problems::add);
      return true;
    }
    return false;
  }

  private void inspectRun(Path folder) {
    CheckpointStore checkpoints = CheckpointStore.open(hadoop, folder.toString());
    table.run(folder);
    checkpoints
        .inspect()
        .forEach(
            checkpoint -> {
              List<String> found = new ArrayList<>(checkpoint.problem().stream().toList());
              if (verify && found.isEmpty()) {
                checkpoint
                    .manifest()
                    .ifPresent(manifest -> found.addAll(checkpoints.problems(manifest)));
              }
              table.checkpoint(checkpoint, found, verify);
              problems.addAll(found);
            });
  }

  private List<FileStatus> children(Path folder) {
    try {
      FileStatus[] found = storage.fileSystem().listStatus(folder);
      return Arrays.stream(found).sorted(Comparator.comparing(FileStatus::getPath)).toList();
    } catch (FileNotFoundException e) {
      throw new DataException("There is no folder " + folder + "; check the path.", e);
    } catch (IOException e) {
      throw Storage.readFailure(folder, e);
    }
  }
}
