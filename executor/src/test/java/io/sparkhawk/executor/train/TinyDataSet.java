package io.sparkhawk.executor.train;

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
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Test help: a data set of random rows for the teacher of a golden case. */
public final class TinyDataSet {

  public static final int ROW_LENGTH = 24;
  private static final int VOCABULARY = 96;

  private TinyDataSet() {}

  public static void write(Path folder, int trainRows, int validationRows, long seed)
      throws IOException {
    Files.createDirectories(folder);
    SplittableRandom random = new SplittableRandom(seed);
    ShardFormat format = new ShardFormat(ROW_LENGTH, VOCABULARY, "settings");
    SplitManifest train = split(folder, "train", trainRows, format, random);
    SplitManifest validation = split(folder, "validation", validationRows, format, random);
    DataManifest manifest =
        new DataManifest(
            DataManifest.FORMAT,
            ROW_LENGTH,
            VOCABULARY,
            0,
            "tokenizer",
            format.settingsSha256(),
            "corpus",
            new CorpusCounts(1, 0, 0, 0),
            List.of(),
            train,
            validation);
    Files.write(folder.resolve(DataManifest.FILE_NAME), manifest.toJson());
  }

  private static SplitManifest split(
      Path folder, String name, int rows, ShardFormat format, SplittableRandom random)
      throws IOException {
    Path file = folder.resolve(name + ".arrow");
    try (ShardWriter writer = ShardWriter.create(file, format)) {
      for (int i = 0; i < rows; i++) {
        writer.add(random.ints(ROW_LENGTH, 0, VOCABULARY).toArray(), 0);
      }
      writer.finish();
    }
    ShardEntry shard =
        new ShardEntry(
            name + ".arrow", rows, (long) rows * ROW_LENGTH, Files.size(file), Checksum.of(file));
    return new SplitManifest(1, shard.tokens(), Map.of(), List.of(shard));
  }
}
