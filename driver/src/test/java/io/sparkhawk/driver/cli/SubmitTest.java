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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Commands that are submitted to a real standalone cluster, whose storage is a real S3 server, as a
 * person with a cluster would submit them.
 */
@Timeout(900)
class SubmitTest {

  private static final Path QUICKSTART = Path.of("../deploy/quickstart").toAbsolutePath();
  private static final long LONGEST_SECONDS = 360;

  /** Sizes of a run of some seconds. */
  private static final String SMALL =
      """
      worker-memory: 768m
      threads-per-worker: 1
      student: {state-size: 16, chunk-size: 32, attention-blocks: [3]}
      evaluation: {between-stage-tokens: 512, final-tokens: 512, distance-rows: 2}
      """;

  private static final String STAGES =
      """
      stages:
        - {name: distill, tokens: 512, batch-tokens: 256, learning-rate: 1e-3, train: all}
      """;

  @TempDir private Path folder;
  private StandaloneCluster cluster;
  private S3Server server;

  @BeforeEach
  void start() throws IOException, InterruptedException {
    server = S3Server.start();
    server.bucket("submitted");
    cluster = StandaloneCluster.start();
  }

  @AfterEach
  void stop() {
    if (cluster != null) {
      cluster.close();
    }
    server.close();
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
    assertThat(server.object("submitted/prepared/manifest.json")).exists();

    // Neither a setting nor data that is wrong becomes another exit code on its way.
    assertThat(submit("client", distill("client", "--set", "data=s3a://submitted/none")))
        .isEqualTo(3);
    assertThat(submit("client", distill("client", "--set", "workers=two"))).isEqualTo(2);

    succeed(runThePagesBlock());
    succeed(submit("cluster", distill("cluster")));
    assertThat(server.object("submitted/runs/my-student/student/model.safetensors"))
        .hasSameBinaryContentAs(
            server.object("submitted/cluster/my-student/student/model.safetensors"));
    assertThat(cluster.logs()).doesNotContain(server.secretKey());
  }

  @Test
  void aRoundOfRetrainingIsMadeByADriverInTheClusterAndNotAgainByOneHere() throws Exception {
    Path config =
        Files.writeString(
            folder.resolve("retrain.yaml"),
            """
            name: kept
            storage: s3a://submitted/models
            teacher: %1$s/teacher
            corpus: [%1$s/corpus/valid-python-doc.jsonl.gz]
            held-out: [%1$s/corpus/valid-postgresql-doc.jsonl.gz]
            new-by: file
            prepare: {seq-len: 64}
            training:
              workers: 2
            """
                    .formatted(QUICKSTART)
                + SMALL.indent(2)
                + STAGES.indent(2));
    List<String> retrain = List.of("retrain", "--config", config.toString());

    succeed(submit("cluster", retrain));
    assertThat(server.object("submitted/models/kept/last-start.json"))
        .content()
        .contains("Promoted as version 1.");

    succeed(submit("client", retrain));
    assertThat(server.object("submitted/models/kept/last-start.json"))
        .content()
        .contains("Nothing is new since round files-1-", "\"production_version\" : 1");
    assertThat(cluster.logs()).doesNotContain(server.secretKey());
  }

  /**
   * The block of docs/spark-submit.md that a newcomer copies, but for its first lines, the sizes of
   * the run, the build, and the settings of a server of one's own.
   */
  private int runThePagesBlock() throws Exception {
    String page = Files.readString(Path.of("../docs/spark-submit.md"));
    Matcher block = Pattern.compile("(?s)\n```\nexport SPARK_HOME.*?\n\n(.*?)```\n").matcher(page);
    assertThat(block.find()).isTrue();
    String settings =
        settings().entrySet().stream()
            .map(setting -> "--conf " + setting.getKey() + "=" + setting.getValue())
            .collect(Collectors.joining(" "));
    String script =
        block
            .group(1)
            .replace("S3=(", "S3=(" + settings + " ")
            .replace("--seq-len 512", "--seq-len 64")
            .replaceAll("stages:\n(.*\n)*?END", Matcher.quoteReplacement(SMALL + STAGES + "END"));
    Path place = Files.createDirectories(folder.resolve("checkout"));
    Path distributions = Files.createDirectories(place.resolve("deploy/target"));
    Files.createSymbolicLink(distributions.resolve("sparkhawk-0"), cluster.distribution());
    Path hadoop = Files.createDirectories(folder.resolve("hadoop"));
    Files.writeString(hadoop.resolve("core-site.xml"), coreSite());
    ProcessBuilder builder =
        new ProcessBuilder("bash", "-euc", "CLUSTER=(); mvn() { echo not built; }\n" + script)
            .directory(place.toFile());
    builder
        .environment()
        .putAll(
            Map.of(
                "SPARK_HOME", cluster.sparkHome().toString(),
                "MASTER", cluster.master(),
                "BUCKET", "s3a://submitted",
                "AWS_ACCESS_KEY_ID", server.hadoopSettings().get("fs.s3a.access.key"),
                "AWS_SECRET_ACCESS_KEY", server.secretKey(),
                "TEACHER", QUICKSTART.resolve("teacher").toString(),
                "CORPUS", QUICKSTART.resolve("corpus/valid-python-doc.jsonl.gz").toString(),
                "HADOOP_CONF_DIR", hadoop.toString(),
                "JAVA_HOME", System.getProperty("java.home")));
    return run("block", builder);
  }

  private String coreSite() {
    return server.hadoopSettings().entrySet().stream()
        .map(
            setting ->
                "<property><name>%s</name><value>%s</value></property>"
                    .formatted(setting.getKey(), setting.getValue()))
        .collect(Collectors.joining("\n", "<configuration>\n", "\n</configuration>\n"));
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
        QUICKSTART.resolve("teacher").toString(),
        "--output",
        "s3a://submitted/prepared",
        "--seq-len",
        "64");
  }

  private List<String> distill(String storage, String... more) throws IOException {
    Path config =
        Files.writeString(
            folder.resolve(storage + ".yaml"),
            """
            run: my-student
            storage: s3a://submitted/%s
            teacher: s3a://submitted/teacher
            data: s3a://submitted/data
            workers: 2
            """
                    .formatted(storage)
                + SMALL
                + STAGES);
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
    ProcessBuilder builder = new ProcessBuilder(line);
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    return run("submit", builder);
  }

  private int run(String name, ProcessBuilder builder) throws Exception {
    Path log = cluster.log(name + "-" + System.nanoTime());
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      assertThat(process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS))
          .as("end of %s in %d s", name, LONGEST_SECONDS)
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
