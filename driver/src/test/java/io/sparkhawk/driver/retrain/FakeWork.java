package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.driver.config.ConfigWriter;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.registry.ModelScores;
import io.sparkhawk.executor.stage.StageKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/**
 * Work that takes no time: each file of the corpus becomes one shard of ten rows, and each student
 * has the perplexity that the test gives to its round.
 */
final class FakeWork implements RoundWork {

  static final int ROW = 8;
  static final int ROWS = 10;
  static final long SHARD_TOKENS = (long) ROW * ROWS;

  /** What was asked for, in its order. */
  final List<String> story = new ArrayList<>();

  final List<RunConfig> runs = new ArrayList<>();

  /** The perplexity of the students by what is in the path of their folder. */
  final Map<String, Double> perplexities = new HashMap<>();

  /** What the training fails with, if it does. */
  RuntimeException failure;

  double nextPerplexity = 20;
  double accuracy = 0.5;
  String settings = "0".repeat(64);

  @Override
  public void prepare(PrepareSettings wanted) {
    story.add("prepare " + names(wanted.input()));
    Path folder = Path.of(new org.apache.hadoop.fs.Path(wanted.output()).toUri().getPath());
    try {
      Files.createDirectories(folder);
      List<ShardEntry> train = new ArrayList<>();
      for (String file : wanted.input()) {
        train.add(shard(folder, "train-%05d.arrow".formatted(train.size()), file));
      }
      ShardEntry heldOut =
          shard(folder, "validation-00000.arrow", String.join(" ", wanted.validation()));
      DataManifest manifest =
          new DataManifest(
              DataManifest.FORMAT,
              ROW,
              100,
              0,
              "1".repeat(64),
              settings,
              Checksum.of(String.join("|", wanted.input())),
              new CorpusCounts(3, 0, 0, 0),
              List.of(),
              new SplitManifest(3, 250, Map.of(), train),
              new SplitManifest(1, 80, Map.of(), List.of(heldOut)));
      Files.write(folder.resolve(DataManifest.FILE_NAME), manifest.toJson());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ShardEntry shard(Path folder, String name, String text) throws IOException {
    byte[] content = text.getBytes(StandardCharsets.UTF_8);
    Files.write(folder.resolve(name), content);
    return new ShardEntry(name, ROWS, SHARD_TOKENS, content.length, Checksum.of(content));
  }

  /** For example {@code 2026-11-01/a, 2026-11-02/b}. */
  private static String names(List<String> files) {
    return String.join(
        ", ", files.stream().map(file -> file.replaceAll(".*dt=([^.]*)[.].*", "$1")).toList());
  }

  @Override
  public void exportStage(RunConfig run, StageKind stage, String folder) {
    story.add("export " + stage.label() + " of " + run.run());
  }

  @Override
  public Trained distill(RunConfig run) {
    story.add("train");
    if (failure != null) {
      throw failure;
    }
    runs.add(run);
    Path folder = Path.of(new org.apache.hadoop.fs.Path(run.runFolder()).toUri().getPath());
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("configuration.yaml"), ConfigWriter.write(run));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String student = run.runFolder() + "/student";
    perplexities.put(student, nextPerplexity);
    return new Trained(student, run.tokens(), 7200, 0, 3, "2".repeat(64));
  }

  @Override
  public List<ModelScores> measure(EvaluateSettings wanted, List<String> models) {
    story.add("measure " + models.size());
    return models.stream()
        .map(
            model ->
                new ModelScores(
                    perplexities.getOrDefault(model, 10.0), 80, Map.of("lambada", accuracy)))
        .toList();
  }

  /** The manifest of a data set folder. */
  static DataManifest manifest(String folder) throws IOException {
    org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(folder);
    return DataManifest.read(path.getFileSystem(new Configuration()), path);
  }
}
