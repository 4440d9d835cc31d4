package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.ComparisonFile;
import io.sparkhawk.driver.progress.FinalEvaluations;
import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.driver.progress.SampleRun;
import io.sparkhawk.driver.progress.StageResults;
import io.sparkhawk.executor.compare.MatrixPair;
import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.compare.TextPair;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.LossProfile;
import io.sparkhawk.executor.train.LossProfile.ByPosition;
import io.sparkhawk.executor.train.LossProfile.BySource;
import io.sparkhawk.executor.train.StageResult;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** Reports of runs like {@link SampleRun}. */
public final class SampleReport {

  private static final int ROWS = 32;

  static final String CONFIGURATION =
      """
      # A small run on two workers
      run: quickstart
      storage: runs
      teacher: deploy/quickstart/teacher
      data: runs/quickstart/data
      workers: 2
      device: cpu
      student:
        state-size: 64
        conv-width: 4
        attention-blocks: []
      stages:
        - name: matrix
          tokens: 63K
          batch-tokens: 1024   # 4 sequences of 256
          learning-rate: 3e-3
        - name: hidden
          tokens: 160K
          batch-tokens: 1024
          learning-rate: 3e-3
        - name: distill
          tokens: 320K
          batch-tokens: 1024
          learning-rate: 1e-3
          train: all
      """;

  private SampleReport() {}

  /** The folder of a run that has ended with this report; its data set is elsewhere. */
  public static void writeFolder(java.nio.file.Path local, RunReport report) throws IOException {
    FileSystem files = FileSystem.getLocal(new Configuration());
    Path folder = new Path(local.toUri());
    try (MetricsLog log = MetricsLog.open(files, new Path(folder, MetricsLog.FILE_NAME))) {
      report.summary().events().forEach(log::append);
      report.steps().forEach(log::append);
    }
    report.stages().forEach(stage -> StageResults.write(files, folder, stage));
    report.heldOut().ifPresent(heldOut -> heldOut.write(files, folder));
    report.comparison().ifPresent(models -> ComparisonFile.write(files, folder, models));
    report.summary().write(files, new Path(folder, RunSummary.FILE_NAME));
    Files.writeString(local.resolve("configuration.yaml"), report.configuration());
  }

  static RunReport of() {
    return new RunReport(
        SampleRun.summary(),
        SampleRun.steps(),
        SampleRun.stages(),
        CONFIGURATION,
        counts(),
        Optional.empty(),
        Optional.empty());
  }

  /** The same run with everything that a report can show. */
  public static RunReport full() {
    return new RunReport(
        RunSummary.of("quickstart")
            .workers(2)
            .seqLen(256)
            .perplexities(19.652, 37.41, 82_176)
            .stages(SampleRun.stages())
            .wallTime(Duration.ofMillis(281_400))
            .events(events())
            .build(),
        SampleRun.steps(),
        SampleRun.stages(),
        CONFIGURATION,
        counts(),
        Optional.of(heldOut(37.41, 0.6)),
        Optional.of(comparison()));
  }

  /** Two sessions: in the first a worker was lost, and its process ended without a word. */
  static List<RunEvent> events() {
    return List.of(
        event(RunEvent.Kind.SESSION, 0, "run", -1, 0, "A process took up the run."),
        event(RunEvent.Kind.TRAINING, 6, "stage matrix", 0, 0, ""),
        event(RunEvent.Kind.CHECKPOINT, 40, "stage matrix", 62, 0, "Checkpoint of step 62, 12 MB."),
        event(RunEvent.Kind.ENDED, 45, "stage matrix", -1, 0, "Stage matrix ended."),
        event(RunEvent.Kind.TRAINING, 50, "stage hidden", 0, 0, ""),
        event(RunEvent.Kind.CHECKPOINT, 71, "stage hidden", 50, 0, "Checkpoint of step 50, 12 MB."),
        event(RunEvent.Kind.STRAGGLER, 75, "stage hidden", 60, 0, "Executor 2 is a straggler."),
        event(RunEvent.Kind.RESTART, 80, "stage hidden", 71, 0, "Executor <1> was lost."),
        event(RunEvent.Kind.TRAINING, 84, "stage hidden", 50, 13, ""),
        event(RunEvent.Kind.CHECKPOINT, 104, "stage hidden", 100, 0, "Checkpoint of step 100."),
        event(RunEvent.Kind.SESSION, 240, "run", -1, 0, "A process took up the run."),
        event(RunEvent.Kind.TRAINING, 246, "stage hidden", 100, 0, ""),
        event(RunEvent.Kind.RECOVERED, 260, "stage hidden", 120, 0, "Executor 2 has recovered."),
        event(RunEvent.Kind.ENDED, 275, "stage hidden", -1, 0, "Stage hidden ended."),
        event(RunEvent.Kind.TRAINING, 280, "stage distill", 0, 0, ""),
        event(RunEvent.Kind.RESIZE, 340, "stage distill", 90, 0, "A third worker is there."),
        event(RunEvent.Kind.TRAINING, 345, "stage distill", 90, 0, ""),
        event(RunEvent.Kind.ENDED, 460, "stage distill", -1, 0, "Stage distill ended."));
  }

  private static RunEvent event(
      RunEvent.Kind kind, long seconds, String work, long step, double lost, String reason) {
    String time = Instant.parse("2026-03-01T23:58:00Z").plusSeconds(seconds).toString();
    return new RunEvent(kind, time, work, step, 2, -1, lost, reason);
  }

  /**
   * A run of the last stage alone, with another learning rate, after which less is left to gain.
   */
  public static RunReport distillOnly() {
    List<StageResult> stages = SampleRun.stages().subList(2, 3);
    return new RunReport(
        RunSummary.of("distill-only")
            .workers(4)
            .seqLen(256)
            .perplexities(19.652, 61.8, 82_176)
            .stages(stages)
            .wallTime(Duration.ofMinutes(3))
            .build(),
        SampleRun.steps(StageKind.DISTILL, 700, 6.5, 4.1, 3e-3, 160),
        stages,
        CONFIGURATION
            .replace("learning-rate: 1e-3", "learning-rate: 2e-3")
            .replace("quickstart", "q"),
        counts(),
        Optional.of(heldOut(61.8, 1.1)),
        Optional.empty());
  }

  static FinalEvaluations heldOut(double perplexity, double more) {
    return new FinalEvaluations(
        new Evaluation(19.652, 82_176, List.of(), List.of(), profile(0)),
        new Evaluation(perplexity, 82_176, List.of(), List.of(), profile(more)));
  }

  /** A loss that falls with the position, and is {@code more} than the teacher's. */
  private static LossProfile profile(double more) {
    List<ByPosition> positions = new ArrayList<>();
    for (int first = 2; first <= 256; first = 2 * first - 1) {
      int last = Math.min(256, 2 * first - 2);
      double loss = 2.9 + 4 / Math.sqrt(first) + more * (0.5 + first / 400.0);
      positions.add(new ByPosition(first, last, loss, 321L * (last - first + 1)));
    }
    return new LossProfile(
        positions,
        List.of(
            new BySource("java-documentation", 2.7 + more, 40_000),
            new BySource("postgresql <manual>", 3.1 + 1.2 * more, 42_176)));
  }

  private static ModelComparison comparison() {
    List<MatrixPair> matrices = new ArrayList<>();
    for (int block : List.of(0, 3)) {
      for (int head : List.of(0, 1)) {
        matrices.add(
            new MatrixPair(block, head, 2.125 + block + head, picture(1), picture(3 + head)));
      }
    }
    return new ModelComparison(
        IntStream.range(0, ROWS).mapToObj(i -> i % 5 == 0 ? "<b>\n" : " word" + i).toList(),
        matrices,
        List.of(
            new TextPair(
                "A transaction is", " a unit <of> work.\nIt commits.", " a row & a table."),
            new TextPair("To sort a list,", " call its method sort.", " call sort of the list.")));
  }

  /** A lower triangle that fades with the distance, as a PNG in Base64. */
  private static String picture(int width) {
    BufferedImage image = new BufferedImage(ROWS, ROWS, BufferedImage.TYPE_INT_RGB);
    for (int row = 0; row < ROWS; row++) {
      for (int column = 0; column <= row; column++) {
        int grey = (int) (255 / (1 + (row - column) / (double) width));
        image.setRGB(column, row, grey << 16 | (grey / 2) << 8 | 0x40);
      }
    }
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    try {
      ImageIO.write(image, "png", png);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Base64.getEncoder().encodeToString(png.toByteArray());
  }

  private static Map<String, Long> counts() {
    Map<String, Long> counts = new LinkedHashMap<>();
    counts.put("Documents", 1_482L);
    counts.put("Duplicates dropped", 3L);
    counts.put("Empty documents", 0L);
    counts.put("Training tokens", 4_571_136L);
    counts.put("Training rows", 17_856L);
    counts.put("Held-out tokens", 82_176L);
    return counts;
  }
}
