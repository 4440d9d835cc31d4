package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.ShardFormat;
import io.sparkhawk.data.shard.ShardWriter;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.executor.checkpoint.CheckpointContent;
import io.sparkhawk.executor.checkpoint.CheckpointContent.Slice;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointPosition;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.checkpoint.RunHashes;
import io.sparkhawk.executor.collective.SingleProcess;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {

  private static final ShardFormat FORMAT = new ShardFormat(4, 100, "settings");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;
  private CheckpointStore checkpoints;
  private CheckpointManifest newest;

  @BeforeEach
  void writeRunAndDataSet() throws IOException {
    checkpoints =
        CheckpointStore.open(new Configuration(), folder.resolve("storage/tiny").toString());
    save("hidden", 10, true);
    newest = save("distill", 5, false);
    checkpoints.startSave(content("distill", 9, false), SingleProcess.create()).writePart();
    writeDataSet(Files.createDirectories(folder.resolve("storage/data")));
    Files.createDirectories(folder.resolve("storage/something-else"));
  }

  private CheckpointManifest save(String stage, long step, boolean end) {
    return checkpoints.save(content(stage, step, end), SingleProcess.create());
  }

  private static CheckpointContent content(String stage, long step, boolean end) {
    return new CheckpointContent(
        new CheckpointPosition(stage, step, end, step, step),
        new RunHashes("c", "d", "t"),
        Map.of(),
        List.of(Slice.float32("parameters", 256, 0, ByteBuffer.allocateDirect(1024))));
  }

  private static void writeDataSet(Path data) throws IOException {
    Path file = data.resolve("train-0.arrow");
    try (ShardWriter writer = ShardWriter.create(file, FORMAT)) {
      for (int row = 0; row < 20; row++) {
        writer.add(new int[] {row, 2, 3, 4}, 0);
      }
      writer.finish();
    }
    ShardEntry shard = new ShardEntry("train-0.arrow", 20, 80, Files.size(file), Checksum.of(file));
    SplitManifest train = new SplitManifest(1, 80, Map.of(), List.of(shard));
    SplitManifest validation = new SplitManifest(0, 0, Map.of(), List.of());
    DataManifest manifest =
        new DataManifest(
            DataManifest.FORMAT,
            4,
            100,
            0,
            "tokenizer",
            "settings",
            "corpus",
            new CorpusCounts(1, 0, 0, 0),
            List.of(),
            train,
            validation);
    Files.write(data.resolve(DataManifest.FILE_NAME), manifest.toJson());
  }

  private int inspect(String path, String... options) {
    String[] arguments = new String[options.length + 2];
    arguments[0] = "inspect";
    arguments[1] = folder.resolve(path).toString();
    System.arraycopy(options, 0, arguments, 2, options.length);
    return new CommandLines(
            new RecordingJobs(), Optional.empty(), new PrintWriter(out), new PrintWriter(err))
        .run(arguments);
  }

  private Path part() {
    return folder.resolve(
        "storage/tiny/checkpoints/distill-5/attempt-" + newest.attempt() + "/part-0.safetensors");
  }

  private static void flipBit(Path file) throws IOException {
    byte[] content = Files.readAllBytes(file);
    content[content.length / 2] ^= 1;
    Files.write(file, content);
  }

  @Test
  void everyCheckpointAndShardIsListedWithItsState() {
    assertThat(inspect("storage")).as(err.toString()).isZero();
    assertThat(out.toString().lines())
        .anySatisfy(line -> assertThat(line).matches("run .*storage/tiny"))
        .anySatisfy(line -> assertThat(line).matches(" *hidden-10 .* 10 .* 1 .*complete, end.*"))
        .anySatisfy(line -> assertThat(line).matches(" *distill-5 .* 5 .* 1 .* complete"))
        .anySatisfy(
            line -> assertThat(line).matches(" *distill-9 .* - .*unfinished, 1 unpublished.*"))
        .anySatisfy(line -> assertThat(line).matches(" *train-0.arrow +train +20 +80 .*complete"))
        .anySatisfy(
            line ->
                assertThat(line)
                    .isEqualTo(
                        "1 run with 3 checkpoints and 1 unpublished attempt; 1 data set with 1"
                            + " shard; sizes agree, checksums were not read"));
  }

  @Test
  void runOrDataSetCanBeNamedItself() {
    assertThat(inspect("storage/tiny", "--verify")).isZero();
    assertThat(out.toString()).contains("distill-5", "0 data sets", "all checksums agree");
    out.getBuffer().setLength(0);
    assertThat(inspect("storage/data", "--verify")).isZero();
    assertThat(out.toString()).contains("train-0.arrow", "0 runs", "all checksums agree");
  }

  @Test
  void flippedBitsAreFoundByVerifyAlone() throws IOException {
    String expected = Checksum.of(folder.resolve("storage/data/train-0.arrow"));
    flipBit(part());
    flipBit(folder.resolve("storage/data/train-0.arrow"));
    assertThat(inspect("storage")).isZero();
    assertThat(inspect("storage", "--verify")).isEqualTo(3);
    assertThat(out.toString())
        .contains(newest.parts().get(0).sha256(), Checksum.of(part()), expected)
        .contains("2 damaged");
    assertThat(err.toString()).contains("2 files are damaged, the first: ");
  }

  @Test
  void fileOfAnotherSizeIsFoundWithoutVerify() throws IOException {
    Files.write(part(), new byte[7]);
    assertThat(inspect("storage")).isEqualTo(3);
    assertThat(err.toString()).contains(part().toString(), "has 7 bytes");
  }

  @Test
  void manifestThatCannotBeReadIsDamaged() throws IOException {
    Files.writeString(folder.resolve("storage/tiny/checkpoints/distill-5/manifest.json"), "{");
    Files.writeString(folder.resolve("storage/data/manifest.json"), "{");
    assertThat(inspect("storage")).isEqualTo(3);
    assertThat(out.toString()).contains("hidden-10", "2 damaged");
  }

  @Test
  void folderWithNothingOfTheKindIsRefused() {
    assertThat(inspect("storage/something-else")).isEqualTo(3);
    assertThat(err.toString()).contains("neither a run nor a data set", "something-else");
    assertThat(inspect("nowhere")).isEqualTo(3);
    assertThat(err.toString()).contains("There is no folder");
  }
}
