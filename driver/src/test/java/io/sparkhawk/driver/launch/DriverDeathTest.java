package io.sparkhawk.driver.launch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.spark.launcher.JavaModuleOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Kills a driver process and looks for what it leaves behind. */
@Timeout(180)
class DriverDeathTest {

  private static final String FOUND = "executor process ";

  @TempDir private Path folder;

  @Test
  void executorsEndByThemselvesWhenTheDriverIsKilled() throws Exception {
    Process driver = startDriver();
    try {
      ProcessHandle executor = executorOf(driver);
      driver.destroyForcibly();
      executor.onExit().get(60, TimeUnit.SECONDS);
      assertThat(executor.isAlive()).isFalse();
    } finally {
      driver.destroyForcibly();
    }
  }

  /** The driver process: tells its executor's process id and then waits to be killed. */
  public static void main(String[] arguments) throws Exception {
    try (ClusterSession session =
        ClusterSession.start(
            "test",
            new ClusterSettings(1, 1, "512m", Map.of()),
            new Properties(),
            Path.of(arguments[0]),
            Duration.ofMinutes(2))) {
      long executor =
          session
              .spark()
              .parallelize(List.of(0), 1)
              .map(element -> ProcessHandle.current().pid())
              .first();
      System.out.println(FOUND + executor);
      int unused = System.in.read();
    }
  }

  private Process startDriver() throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(JavaModuleOptions.defaultModuleOptionArray()));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            DriverDeathTest.class.getName(),
            folder.toString()));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  private static ProcessHandle executorOf(Process driver) throws Exception {
    List<String> output = new ArrayList<>();
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(driver.getInputStream(), StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (line.startsWith(FOUND)) {
        return ProcessHandle.of(Long.parseLong(line.substring(FOUND.length()))).orElseThrow();
      }
      output.add(line);
    }
    throw new AssertionError("The driver ended early: " + output);
  }
}
