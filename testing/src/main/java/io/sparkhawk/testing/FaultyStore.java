package io.sparkhawk.testing;

import io.sparkhawk.testing.FaultyNetwork.Fault;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * An S3 server behind a network that fails, as a process that another program starts and directs.
 *
 * <p>It prints one {@code key=value} a line: Hadoop's settings with which s3a finds it, and {@code
 * folder}, which holds the bucket's objects as files; then an empty line. It then obeys one command
 * a line, each answered by one line, until its standard input ends:
 *
 * <pre>
 * plan FAULT TIMES METHOD PATH-PART    see {@link FaultyNetwork#plan}
 * heal                                 see {@link FaultyNetwork#heal}
 * open                                 see {@link FaultyNetwork#open}
 * </pre>
 */
public final class FaultyStore {

  private FaultyStore() {}

  /** Takes the name of the bucket. */
  public static void main(String[] arguments) throws IOException {
    try (S3Server server = S3Server.start();
        FaultyNetwork network = FaultyNetwork.before(server.port())) {
      server.bucket(arguments[0]);
      server.hadoopSettings(network.port()).forEach((key, value) -> say(key + "=" + value));
      say("folder=" + server.object(arguments[0]));
      say("");
      BufferedReader in =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        say(obey(network, line.split(" ")));
      }
    }
  }

  private static String obey(FaultyNetwork network, String[] words) {
    switch (words[0]) {
      case "plan" ->
          network.plan(Fault.valueOf(words[1]), Integer.parseInt(words[2]), words[3], words[4]);
      case "heal" -> network.heal();
      case "open" -> {
        return Integer.toString(network.open());
      }
      default -> throw new IllegalArgumentException("no such command: " + words[0]);
    }
    return "done";
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }
}
