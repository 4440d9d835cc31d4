package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.driver.progress.EventFiles;
import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.testing.FaultyNetwork;
import io.sparkhawk.testing.FaultyNetwork.Fault;
import io.sparkhawk.testing.S3Server;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Everything on S3: teacher, data set, checkpoints and results on a real server, trained by real
 * executor processes, with a storage that fails in between.
 */
@Timeout(600)
class S3EndToEndTest {

  private static final Path QUICKSTART = Path.of("../deploy/quickstart").toAbsolutePath();
  private static final String PREFIX = "spark.hadoop.";

  @TempDir private Path folder;
  private S3Server server;
  private FaultyNetwork network;
  private final StringWriter err = new StringWriter();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  @BeforeEach
  void startServer() throws IOException {
    server = S3Server.start();
    server.bucket("everything");
    network = FaultyNetwork.before(server.port());
    // As spark-submit and the launcher hand such settings over.
    server.hadoopSettings(network.port()).forEach((k, v) -> System.setProperty(PREFIX + k, v));
    copyTeacher();
  }

  @AfterEach
  void stopServer() {
    server.hadoopSettings().keySet().forEach(key -> System.clearProperty(PREFIX + key));
    network.close();
    server.close();
  }

  private void copyTeacher() throws IOException {
    Configuration hadoop = new Configuration();
    server.hadoopSettings(network.port()).forEach(hadoop::set);
    hadoop.set("fs.s3a.input.stream.type", "classic");
    org.apache.hadoop.fs.Path from =
        new org.apache.hadoop.fs.Path(QUICKSTART.resolve("teacher").toUri());
    org.apache.hadoop.fs.Path to = new org.apache.hadoop.fs.Path("s3a://everything/teacher");
    to.getFileSystem(hadoop).copyFromLocalFile(from, to);
  }

  private int run(String... arguments) {
    PrintStream console = new PrintStream(out, true, StandardCharsets.UTF_8);
    return new CommandLines(
            new ClusterJobs(console, console),
            Optional.empty(),
            new PrintWriter(out, true, StandardCharsets.UTF_8),
            new PrintWriter(err, true))
        .run(arguments);
  }

  private int distill(Path config, String storage) {
    return run("distill", "--config", config.toString(), "--set", "storage=" + storage);
  }

  private Path config() throws IOException {
    return Files.writeString(
        folder.resolve("run.yaml"),
        """
        run: tiny
        teacher: s3a://everything/teacher
        data: s3a://everything/data
        workers: 2
        local-cache: %s
        student: {state-size: 16, chunk-size: 32, attention-blocks: [3]}
        evaluation: {between-stage-tokens: 512, final-tokens: 512, distance-rows: 2}
        checkpoints: {every-steps: 2, keep: 1}
        supervision: {restarts: 1}
        stages:
          - {name: distill, tokens: 1536, batch-tokens: 256, learning-rate: 1e-3, train: all}
        spark:
          spark.executor.extraJavaOptions: -XX:TieredStopAtLevel=1  # short lives
          # Repetitions within the libraries only make the outage longer to sit through.
          spark.hadoop.fs.s3a.attempts.maximum: 1
          spark.hadoop.fs.s3a.retry.limit: 1
          spark.hadoop.fs.s3a.retry.interval: 100ms
        """
            .formatted(folder.resolve("cache")));
  }

  @Test
  void runThatLosesItsStorageIsResumedAndGivesTheSameStudent() throws IOException {
    assertThat(prepare()).as(err.toString()).isZero();
    Path config = config();

    network.plan(Fault.REFUSE, Integer.MAX_VALUE, "PUT", "/checkpoints/distill-4/");
    assertThat(distill(config, "s3a://everything/runs")).as(err.toString()).isEqualTo(4);
    assertThat(err.toString())
        .contains("distill-4", "started again 1 times in a row without a new checkpoint")
        .doesNotContain(server.secretKey());
    assertThat(server.object("everything/runs/tiny/checkpoints/distill-2/manifest.json")).exists();
    assertThat(server.object("everything/runs/tiny/student")).doesNotExist();

    network.heal();
    assertThat(distill(config, "s3a://everything/runs")).as(err.toString()).isZero();
    assertThat(server.object("everything/runs/tiny/checkpoints/distill-6/manifest.json")).exists();
    assertThat(server.object("everything/runs/tiny/checkpoints/distill-2")).doesNotExist();

    assertThat(distill(config, folder.resolve("undisturbed").toString()))
        .as(err.toString())
        .isZero();
    Path undisturbed = folder.resolve("undisturbed/tiny");
    assertThat(server.object("everything/runs/tiny/student/model.safetensors"))
        .hasSameBinaryContentAs(undisturbed.resolve("student/model.safetensors"));
    assertThat(losses(server.object("everything/runs/tiny")))
        .hasSize(6)
        .isEqualTo(losses(undisturbed));
    assertThat(
            EventFiles.scalars(server.object("everything/runs/tiny/tensorboard/distill"), "loss")
                .values())
        .containsExactlyElementsOf(losses(undisturbed).stream().map(Double::floatValue).toList());
    assertThat(Files.readString(server.object("everything/runs/tiny/report.html")))
        .doesNotContain(server.secretKey());
    reportsAreMadeAnew(undisturbed);
    everythingIsInspected();
  }

  private void reportsAreMadeAnew(Path undisturbed) throws IOException {
    Path report = server.object("everything/runs/tiny/report.html");
    byte[] content = Files.readAllBytes(report);
    assertThat(run("report", "s3a://everything/runs/tiny")).as(err.toString()).isZero();
    assertThat(report).hasBinaryContent(content);

    String both = folder.resolve("both.html").toString();
    assertThat(run("report", "s3a://everything/runs/tiny", undisturbed.toString(), "--out", both))
        .as(err.toString())
        .isZero();
    assertThat(Path.of(both)).content().contains("s3a://everything/runs/tiny");

    Path comparison = server.object("everything/runs/tiny/comparison.json");
    assertThat(run("report", "s3a://everything/runs/tiny", "--measure", "--prompt", "A view"))
        .as(err.toString())
        .isZero();
    assertThat(comparison).content().contains("\"prompt\" : \"A view\"");
    assertThat(Files.readAllBytes(report)).isNotEqualTo(content);
  }

  private void everythingIsInspected() throws IOException {
    out.reset();
    assertThat(run("inspect", "s3a://everything/runs", "--verify")).as(err.toString()).isZero();
    assertThat(run("inspect", "s3a://everything/data", "--verify")).as(err.toString()).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("distill-6", "all checksums agree");

    Path shard = server.object("everything/data/train-00000.arrow");
    byte[] content = Files.readAllBytes(shard);
    content[content.length / 2] ^= 1;
    Files.write(shard, content);
    assertThat(run("inspect", "s3a://everything/data", "--verify")).isEqualTo(3);
    assertThat(err.toString()).contains("train-00000.arrow is corrupt");
  }

  private int prepare() {
    return run(
        "prepare",
        "--input",
        QUICKSTART.resolve("corpus/valid-python-doc.jsonl.gz").toString(),
        "--validation",
        QUICKSTART.resolve("corpus/valid-postgresql-doc.jsonl.gz").toString(),
        "--teacher",
        "s3a://everything/teacher",
        "--output",
        "s3a://everything/data",
        "--seq-len",
        "64");
  }

  private static List<Double> losses(Path runFolder) throws IOException {
    FileSystem files = FileSystem.getLocal(new Configuration());
    return MetricsLog.read(
            files, new org.apache.hadoop.fs.Path(runFolder.toUri().getPath(), "metrics.jsonl"))
        .stream()
        .map(StepMetrics::loss)
        .toList();
  }
}
