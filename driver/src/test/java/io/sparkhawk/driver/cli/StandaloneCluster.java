package io.sparkhawk.driver.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A standalone Spark cluster of a Master and two Workers, processes of their own on the loopback
 * interface, and beside it our distribution. The installed Spark has its own libraries only; which
 * ones are not Spark's stands in docs/spark-submit.md.
 */
final class StandaloneCluster implements AutoCloseable {

  private static final Path PAGE = Path.of("../docs/spark-submit.md");
  private static final Pattern MASTER = Pattern.compile("Starting Spark master at (spark://\\S+)");
  private static final Pattern REGISTERED = Pattern.compile("Successfully registered with master");
  private static final long START_SECONDS = 60;

  private final Path folder;
  private final List<Process> processes = new ArrayList<>();
  private String master;

  private StandaloneCluster(Path folder) {
    this.folder = folder;
  }

  static StandaloneCluster start() throws IOException, InterruptedException {
    StandaloneCluster cluster =
        new StandaloneCluster(Files.createTempDirectory("standalone-cluster-"));
    try {
      cluster.installSpark();
      Distribution.install(cluster.distribution());
      cluster.startMaster();
      Path first = cluster.startWorker(1);
      Path second = cluster.startWorker(2);
      cluster.await(first, REGISTERED);
      cluster.await(second, REGISTERED);
      return cluster;
    } catch (IOException | InterruptedException | RuntimeException e) {
      cluster.close();
      throw e;
    }
  }

  String master() {
    return master;
  }

  /** The place of a new log of someone who uses the cluster. */
  Path log(String name) {
    return folder.resolve(name + ".log");
  }

  Path sparkHome() {
    return folder.resolve("spark");
  }

  Path distribution() {
    return folder.resolve("distribution");
  }

  /** What processes of the cluster printed, drivers and executors among them. */
  String logs() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      StringBuilder all = new StringBuilder();
      for (Path file :
          files.filter(f -> f.toString().matches(".*(\\.log|stderr|stdout)")).toList()) {
        all.append("== ").append(file).append('\n').append(Files.readString(file)).append('\n');
      }
      return all.toString();
    }
  }

  /** Names of the libraries that the page says an installed Spark does not have. */
  static Set<String> notInSpark() throws IOException {
    Matcher block = Pattern.compile("(?s)```jars\n(.*?)```").matcher(Files.readString(PAGE));
    if (!block.find()) {
      throw new IllegalStateException(PAGE + " has no block of jars");
    }
    return Set.of(block.group(1).strip().split("\\s+"));
  }

  static String library(Path jar) {
    return jar.getFileName().toString().replaceFirst("-\\d.*", "");
  }

  private void installSpark() throws IOException {
    Path jars = Files.createDirectories(sparkHome().resolve("jars"));
    Set<String> others = notInSpark();
    for (Path jar : Distribution.libraries()) {
      if (!others.contains(library(jar))) {
        Files.createSymbolicLink(jars.resolve(jar.getFileName()), jar);
      }
    }
    Files.createFile(sparkHome().resolve("RELEASE"));
    Path submit = Files.createDirectory(sparkHome().resolve("bin")).resolve("spark-submit");
    Files.writeString(
        submit,
        "#!/bin/sh\nexec %s -cp '%s/*' org.apache.spark.deploy.SparkSubmit \"$@\"\n"
            .formatted(
                Stream.concat(Stream.of(java()), options().stream())
                    .collect(Collectors.joining(" ")),
                jars));
    submit.toFile().setExecutable(true);
  }

  private void startMaster() throws IOException, InterruptedException {
    Path log =
        launch(
            "master",
            "org.apache.spark.deploy.master.Master",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--webui-port",
            "0");
    master = await(log, MASTER);
  }

  private Path startWorker(int number) throws IOException {
    Path work = folder.resolve("work-" + number);
    return launch(
        "worker-" + number,
        "org.apache.spark.deploy.worker.Worker",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--webui-port",
        "0",
        "--cores",
        "2",
        "--memory",
        "3g",
        "--work-dir",
        work.toString(),
        master);
  }

  private Path launch(String name, String main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(java(), "-Xmx512m"));
    command.addAll(options());
    command.add("-Dspark.master.rest.enabled=false");
    command.add(main);
    command.addAll(List.of(arguments));
    Path log = folder.resolve(name + ".log");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("CLASSPATH", sparkHome().resolve("jars") + "/*");
    builder.environment().put("SPARK_HOME", sparkHome().toString());
    builder.environment().put("SPARK_SCALA_VERSION", "2.13");
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    Process process = builder.start();
    processes.add(process);
    // Also when the tests are ended from outside.
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
    return log;
  }

  /** Waits for the pattern in a log; returns its first group, or the match. */
  private String await(Path log, Pattern pattern) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (System.nanoTime() < deadline) {
      Matcher matcher = pattern.matcher(Files.readString(log));
      if (matcher.find()) {
        return matcher.group(matcher.groupCount());
      }
      for (Process process : processes) {
        if (process.waitFor(20, TimeUnit.MILLISECONDS)) {
          throw new IOException("a process of the cluster ended: " + logs());
        }
      }
    }
    throw new IOException(log + " has no " + pattern + ": " + Files.readString(log));
  }

  private static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  /** What Spark's own scripts open of the JDK, as this JVM has it. */
  private static List<String> options() {
    List<String> options =
        new ArrayList<>(
            ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> option.startsWith("--add-opens"))
                .toList());
    options.add("-XX:TieredStopAtLevel=1"); // short lives
    return options;
  }

  @Override
  public void close() {
    // The Workers end their executors and drivers.
    for (int i = processes.size() - 1; i >= 0; i--) {
      processes.get(i).destroy();
    }
    for (Process process : processes) {
      try {
        if (!process.waitFor(START_SECONDS, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        process.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException | UncheckedIOException e) {
      return; // A process that is ending still wrote; left to the system's cleaning.
    }
  }
}
