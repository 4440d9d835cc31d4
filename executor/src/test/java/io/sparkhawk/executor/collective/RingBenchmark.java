package io.sparkhawk.executor.collective;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

/**
 * Prints how fast the ring sums, and how fast the same loopback copies bytes: {@code RingBenchmark
 * [mebibytes] [world size ...]}.
 *
 * <p>In an all-reduce of N bytes over W ranks every rank sends and receives {@code 2 N (W - 1) / W}
 * bytes. The traffic of all ranks together, divided by the time, is comparable with the traffic of
 * as many plain copies between as many threads at the same time.
 */
public final class RingBenchmark {

  private static final int ROUNDS = 20;
  private static final int WARM_UP = 10;

  private RingBenchmark() {}

  public static void main(String[] arguments) throws Exception {
    int bytes = Integer.parseInt(arguments.length > 0 ? arguments[0] : "64") << 20;
    List<Integer> worldSizes =
        arguments.length > 1
            ? List.of(arguments).stream().skip(1).map(Integer::parseInt).toList()
            : List.of(2, 4);
    for (int worldSize : worldSizes) {
      double copied = copyAround(worldSize, bytes);
      double summed = sum(worldSize, bytes);
      System.out.printf(
          Locale.ROOT,
          "world %d, %d MiB: all-reduce %.2f GB/s of traffic (%.1f ms each), plain copies %.2f GB/s,"
              + " ratio %.2f%n",
          worldSize,
          bytes >> 20,
          summed / 1e9,
          2.0 * bytes * (worldSize - 1) / summed * 1e3,
          copied / 1e9,
          summed / copied);
    }
  }

  /** Traffic of all ranks in bytes per second; the best round. */
  private static double sum(int worldSize, int bytes) throws Exception {
    List<Long> best =
        Ranks.onEach(
            worldSize,
            collective -> {
              ByteBuffer values = Ranks.buffer(new float[bytes / Float.BYTES]);
              long shortest = Long.MAX_VALUE;
              for (int i = 0; i < WARM_UP + ROUNDS; i++) {
                collective.barrier();
                long start = System.nanoTime();
                collective.allReduceSum(values);
                collective.barrier();
                shortest = i < WARM_UP ? shortest : Math.min(shortest, System.nanoTime() - start);
              }
              return shortest;
            });
    return 2.0 * bytes * (worldSize - 1) / (best.get(0) / 1e9);
  }

  /** One thread writes into each connection and one reads from it, as fast as they can. */
  private static double copyAround(int worldSize, int bytes) throws Exception {
    long each = 2L * bytes * (worldSize - 1) / worldSize;
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
      List<Callable<Void>> ends = new ArrayList<>();
      for (int rank = 0; rank < worldSize; rank++) {
        SocketChannel[] pair = pair();
        ends.add(() -> write(pair[0], each));
        ends.add(() -> read(pair[1]));
      }
      long start = System.nanoTime();
      Ranks.inThreads(ends);
      best = Math.max(best, each * worldSize / ((System.nanoTime() - start) / 1e9));
    }
    return best;
  }

  private static Void write(SocketChannel to, long bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(RingSender.FRAME_BYTES);
    try (to) {
      for (long left = bytes; left > 0; ) {
        buffer.clear().limit((int) Math.min(buffer.capacity(), left));
        left -= to.write(buffer);
      }
    }
    return null;
  }

  private static Void read(SocketChannel from) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(RingSender.FRAME_BYTES);
    try (from) {
      while (from.read(buffer.clear()) >= 0) {
        // Only the copying counts.
      }
    }
    return null;
  }

  private static SocketChannel[] pair() throws IOException {
    try (ServerSocketChannel server = ServerSocketChannel.open()) {
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      SocketChannel out = SocketChannel.open(server.getLocalAddress());
      return new SocketChannel[] {out, server.accept()};
    }
  }
}
