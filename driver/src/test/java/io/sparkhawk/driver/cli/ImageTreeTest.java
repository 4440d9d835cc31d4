package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The image's file tree, made outside of Docker by the script that makes it inside. */
@Timeout(300)
class ImageTreeTest {

  private static final Path DEPLOY = Path.of("../deploy").toAbsolutePath().normalize();
  private static final Path CASE =
      Path.of("../executor/src/test/resources/cases/odd-length").toAbsolutePath().normalize();
  private static final long LONGEST_SECONDS = 120;

  private Path folder;

  @BeforeEach
  void makeFolder() throws IOException {
    folder = Files.createTempDirectory("image-tree-");
  }

  @AfterEach
  void deleteFolder() throws Exception {
    run(List.of("chmod", "-R", "u+w", folder.toString()));
    run(List.of("rm", "-r", folder.toString()));
  }

  @Test
  void theProgramRunsFromTheTreeWithoutHomeNetworkOrAnythingToUnpack() throws Exception {
    Path home = assemble();
    assertThat(home.resolve("native/libtorch"))
        .isDirectoryContaining(file -> file.endsWith("libtorch_cpu.so"))
        .isDirectoryContaining(file -> file.endsWith("libdjl_torch.so"));
    try (Stream<Path> jars = Files.list(home.resolve("jars"))) {
      assertThat(jars.map(jar -> jar.getFileName().toString()))
          .contains("driver-0.jar")
          .noneMatch(jar -> jar.startsWith("bundle-") || jar.startsWith("pytorch-native-"));
    }
    assertThat(unreadable(home)).isEmpty();

    assertThat(inContainer(home, "bin/entrypoint", "--version")).contains("sparkhawk");
    String verified = inContainer(home, "bin/sparkhawk", "verify", copyOf(CASE).toString());
    assertThat(verified).contains("quantities agree in float64 on cpu").doesNotContain("FAILS");
    try (Stream<Path> written = Files.walk(folder.resolve("tmp"))) {
      assertThat(written.map(file -> file.getFileName().toString()))
          .as("native libraries that were unpacked at the start")
          .noneMatch(name -> name.contains("torch") || name.contains("jnidispatch"));
    }
  }

  /** The launcher of Spark's own scripts finds what it needs in the tree. */
  @Test
  void aDriverThatSparkStartsReadsItsArgumentsAsSparkSubmitDoes() throws Exception {
    Path home = assemble();
    String help = inContainer(home, "bin/entrypoint", "driver", "--version");
    assertThat(help).contains("version 4.");
  }

  @Test
  void aFlavourWithoutItsLibraryIsRefused() throws Exception {
    Path distribution = folder.resolve("distribution");
    Distribution.install(distribution);
    Result result = run(List.of(script(), distribution.toString(), folder + "/tree", "cu128"));
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.printed()).contains("pytorch-native-cu128-*linux-x86_64.jar");
  }

  private Path assemble() throws Exception {
    Path distribution = folder.resolve("distribution");
    Distribution.install(distribution);
    Path tree = folder.resolve("tree");
    succeed(List.of(script(), distribution.toString(), tree.toString(), "cpu"));
    // The image has the layers one over the other.
    Path home = Files.createDirectories(folder.resolve("opt/sparkhawk"));
    for (String layer : List.of("dependencies", "application")) {
      succeed(List.of("cp", "-R", tree.resolve(layer) + "/.", home.toString()));
    }
    succeed(List.of("chmod", "-R", "a-w", home.toString()));
    succeed(List.of("chmod", "a+x", folder.toString()));
    return home;
  }

  private Path copyOf(Path content) throws Exception {
    succeed(List.of("cp", "-R", content.toString(), folder.toString()));
    Path copy = folder.resolve(content.getFileName());
    succeed(List.of("chmod", "-R", "a+rX", copy.toString()));
    return copy;
  }

  private static List<Path> unreadable(Path home) throws IOException {
    try (Stream<Path> files = Files.walk(home)) {
      return files
          .filter(
              file -> {
                try {
                  return Files.getPosixFilePermissions(file).stream()
                      .noneMatch(permission -> permission.name().equals("OTHERS_READ"));
                } catch (IOException e) {
                  return true;
                }
              })
          .toList();
    }
  }

  /**
   * As in a container: no variables, no home, no network, a user that owns nothing. The last two
   * need rights that a test may not have; then they are left out.
   */
  private String inContainer(Path home, String program, String... arguments) throws Exception {
    Path tmp = Files.createDirectories(folder.resolve("tmp"));
    succeed(List.of("chmod", "a+rwx", tmp.toString()));
    List<String> command = new ArrayList<>();
    if (run(List.of("unshare", "--net", "true")).exitCode() == 0) {
      command.addAll(List.of("unshare", "--net"));
    } else if (run(List.of("unshare", "--map-root-user", "--net", "true")).exitCode() == 0) {
      command.addAll(List.of("unshare", "--map-root-user", "--net"));
    }
    List<String> user = List.of("setpriv", "--reuid=10001", "--regid=10001", "--clear-groups");
    if (run(Stream.concat(user.stream(), Stream.of("true")).toList()).exitCode() == 0) {
      command.addAll(user);
    }
    command.addAll(
        List.of(
            "env",
            "-i",
            "PATH=" + System.getenv("PATH"),
            "JAVA_HOME=" + System.getProperty("java.home"),
            "HOME=/nonexistent",
            "SPARK_LOCAL_IP=127.0.0.1",
            "SPARK_DRIVER_BIND_ADDRESS=127.0.0.1",
            "SPARKHAWK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 -Djava.io.tmpdir=" + tmp,
            "DJL_CACHE_DIR=" + tmp + "/djl",
            home.resolve(program).toString()));
    command.addAll(List.of(arguments));
    return succeed(command);
  }

  private static String script() {
    return DEPLOY.resolve("docker/assemble").toString();
  }

  private String succeed(List<String> command) throws Exception {
    Result result = run(command);
    assertThat(result.exitCode()).as("%s: %s", command, result.printed()).isZero();
    return result.printed();
  }

  private record Result(int exitCode, String printed) {}

  private Result run(List<String> command) throws Exception {
    Path output = Files.createTempFile("image-tree-", ".log");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      if (!process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException(command + " did not end: " + Files.readString(output));
      }
      return new Result(process.exitValue(), Files.readString(output));
    } finally {
      Files.delete(output);
    }
  }
}
