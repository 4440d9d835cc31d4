package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.RingListener;
import io.sparkhawk.executor.collective.RingPlace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * How a rank of a benchmark meets the others through its parent: it prints its address in a line of
 * its own, and reads a line with the ring's secret and all addresses.
 */
final class BenchmarkPeers {

  /** Begins the line with the address. */
  static final String ADDRESS = "benchmark rank listens on ";

  private static final String LOOPBACK = "127.0.0.1";

  /** Ranks build their models and compile kernels at different speeds. */
  private static final Duration TIMEOUT = Duration.ofMinutes(5);

  private static final int ORPHANED = 4;

  private BenchmarkPeers() {}

  /** What the parent tells all ranks. */
  static String invitation(byte[] secret, List<String> addresses) {
    return HexFormat.of().formatHex(secret) + " " + String.join(" ", addresses);
  }

  /** Joins the other ranks, and from then on ends this process when its parent is gone. */
  static Collective join(int rank) {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (RingListener listener = RingListener.open(LOOPBACK)) {
      System.out.println(ADDRESS + listener.address());
      System.out.flush();
      String invitation = in.readLine();
      if (invitation == null) {
        throw new InfrastructureException("rank " + rank + " of the benchmark lost its parent");
      }
      endWith(in);
      String[] words = invitation.split(" ", -1);
      return listener.join(
          new RingPlace(1, rank, Arrays.asList(words).subList(1, words.length)),
          HexFormat.of().parseHex(words[0]),
          TIMEOUT);
    } catch (IOException e) {
      throw new InfrastructureException(
          "rank " + rank + " of the benchmark cannot read from its parent: " + e.getMessage(), e);
    }
  }

  private static void endWith(BufferedReader parent) {
    Thread watch =
        new Thread(
            () -> {
              try {
                while (parent.readLine() != null) {
                  // The parent says nothing more; its end ends the stream.
                }
              } catch (IOException ignored) {
                // Gone as well.
              }
              Runtime.getRuntime().halt(ORPHANED);
            },
            "benchmark-parent");
    watch.setDaemon(true);
    watch.start();
  }
}
