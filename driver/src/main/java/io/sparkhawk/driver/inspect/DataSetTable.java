package io.sparkhawk.driver.inspect;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.ShardFiles;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.data.storage.Storage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.Path;

/** Tells what is in a data set. */
final class DataSetTable {

  private final ShardFiles files;
  private final boolean verify;
  private final ContentTable table;
  private final List<String> problems = new ArrayList<>();

  private DataSetTable(ShardFiles files, boolean verify, ContentTable table) {
    this.files = files;
    this.verify = verify;
    this.table = table;
  }

  /** Adds the shards to the table and returns everything that is wrong, in sentences. */
  static List<String> inspect(Storage storage, Path folder, boolean verify, ContentTable table) {
    DataManifest manifest;
    try {
      manifest = DataManifest.read(storage.fileSystem(), folder);
    } catch (DataException e) {
      table.damagedDataSet(folder, e.getMessage());
      return List.of(e.getMessage());
    }
    table.dataSet(folder, manifest);
    DataSetTable inspected = new DataSetTable(new ShardFiles(storage, folder), verify, table);
    inspected.split("train", manifest.train());
    inspected.split("held out", manifest.validation());
    return inspected.problems;
  }

  private void split(String name, SplitManifest split) {
    for (ShardEntry shard : split.shards()) {
      Optional<String> problem = files.problem(shard, verify);
      table.shard(name, shard, problem, verify);
      problem.ifPresent(problems::add);
    }
  }
}
