package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.driver.launch.SparkInstallation;
import io.sparkhawk.testing.S3Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Commands that are submitted to a real standalone cluster, whose storage is a real S3 server, as a
 * person with a cluster would submit them.
 */
@Timeout(600)
class SubmitTest {

  private static final Path QUICKSTART = Path.of("../deploy/quickstart").toAbsolutePath();
  private static final long LONGEST_SECONDS = 240;

  @TempDir private Path folder;
  private StandaloneCluster cluster;
  private S3Server server;

  @BeforeEach
  void start() throws IOException, InterruptedException {
    server = S3Server.start();
    server.bucket("submitted");
    copyTeacher();
    cluster = StandaloneCluster.start();
  }

  @AfterEach
  void stop() {
    if (cluster != null) {
      cluster.close();
    }
    server.close();
  }

  /** Through the server, which notes what its files are. */
  private void copyTeacher() throws IOException {
    Configuration hadoop = new Configuration();
    server.hadoopSettings().forEach(hadoop::set);
    hadoop.set("fs.s3a.input.stream.type", "classic");
    org.apache.hadoop.fs.Path from =
        new org.apache.hadoop.fs.Path(QUICKSTART.resolve("teacher").toUri());
    org.apache.hadoop.fs.Path to = new org.apache.hadoop.fs.Path("s3a://submitted/teacher");
    to.getFileSystem(hadoop).copyFromLocalFile(from, to);
  }

  @Test
  void aDataSetAndStudentsAreMadeOnS3ByDriversHereAndInTheCluster() throws Exception {
    assertThat(
            cluster.distribution().resolve("jars").toFile().list().length
                - SparkInstallation.in(cluster.sparkHome())
                    .missing(cluster.distribution().resolve("jars"))
                    .size())
        .as("libraries that are Spark's and not sent")
        .isGreaterThan(100);

    succeed(submit("cluster", prepare()));
    assertThat(server.object("submitted/data/manifest.json")).exists();

    // Neither a setting nor data that is wrong becomes another exit code on its way.
    assertThat(submit("client", distill("client", "--set", "data=s3a://submitted/none")))
        .isEqualTo(3);
    assertThat(submit("client", distill("client", "--set", "workers=two"))).isEqualTo(2);

    succeed(submit("client", distill("client")));
    succeed(submit("cluster", distill("cluster")));
    assertThat(server.object("submitted/client/tiny/student/model.safetensors"))
        .hasSameBinaryContentAs(server.object("submitted/cluster/tiny/student/model.safetensors"));
    assertThat(cluster.logs()).doesNotContain(server.secretKey());
  }

  private void succeed(int exitCode) throws IOException {
    assertThat(exitCode)
        .as(
            () -> {
              try {
                return cluster.logs();
              } catch (IOException e) {
                return e.toString();
              }
            })
        .isZero();
  }

  private static List<String> prepare() {
    return List.of(
        "prepare",
        "--input",
        QUICKSTART.resolve("corpus/valid-python-doc.jsonl.gz").toString(),
        "--validation",
        QUICKSTART.resolve("corpus/valid-postgresql-doc.jsonl.gz").toString(),
        "--teacher",
        "s3a://submitted/teacher",
        "--output",
        "s3a://submitted/data",
        "--seq-len",
        "64");
  }

  private List<String> distill(String storage, String... more) throws IOException {
    Path config =
        Files.writeString(
            folder.resolve(storage + ".yaml"),
            """
            run: tiny
            storage: s3a://submitted/%s
            teacher: s3a://submitted/teacher
            data: s3a://submitted/data
            workers: 2
            worker-memory: 768m
            threads-per-worker: 1
            local-cache: %s
            student: {state-size: 16, chunk-size: 32, attention-blocks: [3]}
            evaluation: {between-stage-tokens: 512, final-tokens: 512, distance-rows: 2}
            stages:
              - {name: distill, tokens: 512, batch-tokens: 256, learning-rate: 1e-3, train: all}
            """
                .formatted(storage, folder.resolve("cache")));
    List<String> command = new ArrayList<>(List.of("distill", "--config", config.toString()));
    command.addAll(List.of(more));
    return command;
  }

  /** In a process of its own, as from a shell. */
  private int submit(String mode, List<String> command) throws Exception {
    List<String> line =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Dsparkhawk.home=" + cluster.distribution(),
                "-Dsparkhawk.spark.home=" + cluster.sparkHome(),
                "io.sparkhawk.driver.cli.Main",
                "submit",
                "--master",
                cluster.master(),
                "--deploy-mode",
                mode));
    settings().forEach((key, value) -> line.addAll(List.of("--conf", key + "=" + value)));
    line.addAll(command);
    Path log = cluster.log("submit-" + System.nanoTime());
    ProcessBuilder builder =
        new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    Process process = builder.start();
    try {
      assertThat(process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS))
          .as("end of %s in %d s", command, LONGEST_SECONDS)
          .isTrue();
      return process.exitValue();
    } finally {
      process.descendants().forEach(ProcessHandle::destroy);
      process.destroy();
    }
  }

  private Map<String, String> settings() {
    Map<String, String> settings =
        server.hadoopSettings().entrySet().stream()
            .collect(Collectors.toMap(e -> "spark.hadoop." + e.getKey(), Map.Entry::getValue));
    settings.put("spark.driver.host", "127.0.0.1");
    settings.put("spark.driver.bindAddress", "127.0.0.1");
    settings.put("spark.driver.memory", "768m");
    settings.put("spark.executor.memory", "768m");
    settings.put("spark.executor.extraJavaOptions", "-XX:TieredStopAtLevel=1");
    settings.put("spark.standalone.submit.waitAppCompletion", "true");
    return settings;
  }
}
