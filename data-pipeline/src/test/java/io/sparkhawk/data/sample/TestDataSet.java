package io.sparkhawk.data.sample;

import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.ShardFormat;
import io.sparkhawk.data.shard.ShardWriter;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.data.storage.Checksum;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Test help: a data set whose row r, counted over all shards, holds the ids 4r to 4r + 3. */
final class TestDataSet {

  static final int ROW_LENGTH = 4;

  private static final ShardFormat FORMAT = new ShardFormat(ROW_LENGTH, 1 << 20, "settings");

  private TestDataSet() {}

  /** Writes shard-0.arrow and so on with these numbers of rows, and the manifest. */
  static void write(Path folder, int... rows) throws IOException {
    Files.createDirectories(folder);
    List<ShardEntry> shards = new ArrayList<>();
    int first = 0;
    for (int i = 0; i < rows.length; i++) {
      shards.add(shard(folder, "shard-" + i + ".arrow", first, rows[i]));
      first += rows[i];
    }
    SplitManifest train = new SplitManifest(1, 1, Map.of(), shards);
    SplitManifest validation = new SplitManifest(0, 0, Map.of(), List.of());
    DataManifest manifest =
        new DataManifest(
            DataManifest.FORMAT,
            ROW_LENGTH,
            FORMAT.vocabularySize(),
            0,
            "tokenizer",
            FORMAT.settingsSha256(),
            "corpus",
            new CorpusCounts(1, 0, 0, 0),
            List.of(),
            train,
            validation);
    Files.write(folder.resolve(DataManifest.FILE_NAME), manifest.toJson());
  }

  private static ShardEntry shard(Path folder, String name, int firstRow, int rows)
      throws IOException {
    Path file = folder.resolve(name);
    try (ShardWriter writer = ShardWriter.create(file, FORMAT)) {
      for (int row = firstRow; row < firstRow + rows; row++) {
        writer.add(row(row), 0);
      }
      writer.finish();
    }
    return new ShardEntry(
        name, rows, (long) rows * ROW_LENGTH, Files.size(file), Checksum.of(file));
  }

  static int[] row(int row) {
    return new int[] {4 * row, 4 * row + 1, 4 * row + 2, 4 * row + 3};
  }
}
