package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What spark-submit is told, with an installation and a distribution of empty files. */
class SubmitCommandTest {

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;
  private Path spark;
  private Path config;

  @BeforeEach
  void install() throws IOException {
    spark = folder.resolve("spark");
    Path submit = file("spark/bin/spark-submit");
    assertThat(submit.toFile().setExecutable(true)).isTrue();
    file("spark/jars/spark-core_2.13-4.2.0.jar");
    file("spark/jars/jackson-core-2.21.1.jar");
    file("spark/jars/netty-transport-native-epoll-4.2.10.Final-linux-x86_64.jar");
    file("home/jars/spark-core_2.13-4.2.0.jar");
    file("home/jars/jackson-core-2.21.2.jar");
    file("home/jars/netty-transport-native-epoll-4.2.13.Final-linux-x86_64.jar");
    file("home/jars/driver-0.1.0.jar");
    file("home/jars/executor-0.1.0.jar");
    file("home/jars/third-party-jackson-core-2.35.4.jar");
    config =
        Files.writeString(
            folder.resolve("run.yaml"),
            """
            run: first
            teacher: s3a://bucket/teacher
            data: s3a://bucket/data
            workers: 3
            device: gpu
            spark: {spark.hadoop.fs.s3a.secret.key: hidden}
            stages:
              - {name: matrix, tokens: 60K, batch-tokens: 3072, learning-rate: 3e-3}
            """);
  }

  private Path file(String name) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.createFile(file);
  }

  private int submit(String... arguments) {
    List<String> line =
        new ArrayList<>(List.of("submit", "--print", "--spark-home", spark.toString()));
    line.addAll(List.of(arguments));
    return new CommandLines(
            new RecordingJobs(),
            Optional.of(folder.resolve("home")),
            new PrintWriter(out, true),
            new PrintWriter(err, true))
        .run(line.toArray(String[]::new));
  }

  private List<String> printed() {
    return out.toString().lines().toList();
  }

  private String after(String option) {
    return printed().get(printed().indexOf(option) + 1);
  }

  @Test
  void whatSparkHasInAnyVersionStaysAtHomeAndWhatTrainingNeedsIsSaid() {
    assertThat(submit("--master", "spark://head:7077", "distill", "--config", config.toString()))
        .as(err.toString())
        .isZero();
    Path jars = folder.resolve("home/jars");
    assertThat(after("--jars").split(","))
        .containsExactly(
            jars.resolve("executor-0.1.0.jar").toString(),
            jars.resolve("third-party-jackson-core-2.35.4.jar").toString());
    assertThat(printed())
        .startsWith(spark.resolve("bin/spark-submit").toString())
        .containsSequence("--deploy-mode", "client", "--class", "io.sparkhawk.driver.cli.Main")
        .contains("spark.executor.instances=3", "spark.cores.max=3")
        .contains("spark.executor.resource.gpu.amount=1", "spark.task.resource.gpu.amount=1")
        .contains("spark.dynamicAllocation.enabled=false", "spark.barrier.sync.timeout=120s")
        .endsWith(
            jars.resolve("driver-0.1.0.jar").toString(), "distill", "--config", config.toString());
    assertThat(out.toString()).doesNotContain("hidden");
  }

  @Test
  void aDriverInTheClusterGetsTheConfigurationItselfAndTheJarsFromWhereTheyLie()
      throws IOException {
    assertThat(
            submit(
                "--master=yarn",
                "--deploy-mode=cluster",
                "--distribution=hdfs:///apps/sparkhawk",
                "--conf=spark.executor.resource.gpu.discoveryScript=./gpu-discovery",
                "distill",
                "--config",
                config.toString()))
        .as(err.toString())
        .isZero();
    Files.delete(config);
    assertThat(ConfigReader.at(after("--config")).read(RunConfig.class).workers()).isEqualTo(3);
    assertThat(printed()).contains("hdfs:///apps/sparkhawk/jars/driver-0.1.0.jar");
    assertThat(after("--jars")).startsWith("hdfs:///apps/sparkhawk/jars/executor-0.1.0.jar,");
  }

  @Test
  void onKubernetesTheImageHasTheJars() {
    assertThat(
            submit(
                "--master=k8s://https://head:6443",
                "--deploy-mode=cluster",
                "--conf=spark.executor.resource.gpu.discoveryScript=/opt/sparkhawk/bin/gpu-discovery",
                "distill",
                "--config=" + config))
        .as(err.toString())
        .isZero();
    assertThat(printed())
        .contains("local:///opt/sparkhawk/jars/driver-0.1.0.jar")
        .contains("spark.executor.resource.gpu.vendor=nvidia.com")
        .doesNotContain("--jars");
  }

  @Test
  void wrongSettingsAreRefusedBeforeAnythingIsSubmitted() {
    assertThat(
            submit(
                "--master=yarn",
                "--conf=spark.dynamicAllocation.enabled=true",
                "--conf=spark.executor.instances=2",
                "distill",
                "--config=" + config))
        .isEqualTo(2);
    assertThat(err.toString())
        .contains("spark.dynamicAllocation.enabled is true", "set it to false")
        .contains("spark.executor.instances is 2", "set it to 3")
        .contains("spark.executor.resource.gpu.discoveryScript is not set");
    assertThat(out.toString()).isEmpty();

    assertThat(submit("--master=yarn", "distill", "--config=" + config, "--workers=none"))
        .isEqualTo(2);
    assertThat(err.toString()).contains("workers (--workers)");
    assertThat(submit("--master=yarn", "generate", "--prompt=x")).isEqualTo(2);
    assertThat(err.toString()).contains("but not generate");
  }

  @Test
  void retrainingAsksForTheWorkersOfItsTraining() throws IOException {
    Path retrain =
        Files.writeString(
            folder.resolve("retrain.yaml"),
            """
            name: kept
            storage: s3a://bucket/models
            teacher: s3a://bucket/teacher
            corpus: ["s3a://bucket/corpus"]
            held-out: ["s3a://bucket/held-out"]
            training:
              workers: 5
              stages:
                - {name: distill, tokens: 60K, batch-tokens: 2560, learning-rate: 3e-3}
            """);
    assertThat(
            submit(
                "--master=k8s://https://head:6443",
                "--deploy-mode=cluster",
                "retrain",
                "--config",
                retrain.toString()))
        .as(err.toString())
        .isZero();
    assertThat(printed())
        .contains("spark.executor.instances=5", "retrain")
        .contains("spark.kubernetes.driver.service.deleteOnTermination=false");
    assertThat(RetrainConfig.read(after("--config"), List.of()).training().workers()).isEqualTo(5);

    assertThat(submit("--master=yarn", "--deploy-mode=cluster", "retrain", "--config=" + retrain))
        .isEqualTo(2);
    assertThat(err.toString()).contains("--deploy-mode is cluster", "set it to client");
    assertThat(submit("--master=yarn", "retrain", "--config=" + retrain))
        .as(err.toString())
        .isZero();
  }

  @Test
  void whatThePageHasForEachClusterManagerIsAccepted() throws Exception {
    String page = Files.readString(Path.of("../docs/spark-submit.md"));
    Matcher yaml = Pattern.compile("(?s)cat > run.yaml <<END\n(.*?)END\n").matcher(page);
    assertThat(yaml.find()).isTrue();
    Files.writeString(config, yaml.group(1).replaceAll("\\$[^\n]*", "s3a://models/some"));

    List<String> masters = new ArrayList<>();
    Matcher cluster = Pattern.compile("(?s)\n(MASTER=\\S+ CLUSTER=\\(.*?\\))").matcher(page);
    while (cluster.find()) {
      List<String> arguments = arguments(cluster.group(1));
      masters.add(arguments.get(1));
      arguments.addAll(List.of("distill", "--config", config.toString()));
      assertThat(submit(arguments.toArray(String[]::new))).as(err.toString()).isZero();
    }
    assertThat(masters).containsExactly("spark://head:7077", "yarn", "k8s://https://head:6443");
    assertThat(printed()).contains("local:///opt/sparkhawk/jars/driver-0.1.0.jar");
  }

  /** What a shell makes of the variables. */
  private static List<String> arguments(String variables) throws Exception {
    Process shell =
        new ProcessBuilder(
                "bash", "-c", variables + "; printf '%s\\n' --master \"$MASTER\" \"${CLUSTER[@]}\"")
            .start();
    String printed = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(shell.waitFor()).isZero();
    return new ArrayList<>(printed.lines().filter(line -> !line.isEmpty()).toList());
  }

  @Test
  void anotherSparkIsRefusedWithItsVersion() throws IOException {
    Files.delete(spark.resolve("jars/spark-core_2.13-4.2.0.jar"));
    assertThat(submit("--master=yarn", "prepare", "--input=x", "--teacher=t", "--output=o"))
        .isEqualTo(2);
    assertThat(err.toString()).contains("has the version unknown", "needs Spark 4");
    file("spark/jars/spark-core_2.13-3.5.1.jar");
    assertThat(submit("--master=yarn", "prepare", "--input=x", "--teacher=t", "--output=o"))
        .isEqualTo(2);
    assertThat(err.toString()).contains("has the version 3.5.1");
  }
}
