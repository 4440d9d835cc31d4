package io.sparkhawk.driver.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/** Where the program starts. */
public final class Main {

  private Main() {}

  /** Runs the command that the arguments name and ends the process with its exit code. */
  public static void main(String[] arguments) {
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    // The launcher says where the distribution lies.
    Optional<Path> home = Optional.ofNullable(System.getProperty("sparkhawk.home")).map(Path::of);
    int exitCode =
        new CommandLines(new ClusterJobs(System.out, System.err), home, out, err).run(arguments);
    // In a cluster the process is the cluster's, and YARN takes an exit for a failure.
    boolean ownProcess = !"cluster".equals(System.getProperty("spark.submit.deployMode"));
    if (exitCode != 0 || ownProcess) {
      System.exit(exitCode);
    }
  }
}
