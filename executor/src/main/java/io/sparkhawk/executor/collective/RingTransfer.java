package io.sparkhawk.executor.collective;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What one rank sends to the next and receives from the previous one in one operation.
 *
 * <p>All operations have the same form: a rank first sends bytes of its own, and then passes on
 * what it received, in the order in which it received it. So the first {@code ready} bytes of
 * {@code sends} can go at once, and every byte received makes one more ready. Ranks may thus send
 * piece by piece while they receive, and none waits for a whole segment.
 *
 * @param operation name, for messages
 * @param bytes size of the operation; all ranks must agree on it
 * @param sends slices that go to the next rank, in order
 * @param receives slices that come from the previous rank, in order
 * @param sums how many of {@code receives}, from the first on, are added to what is there; the
 *     others replace it
 * @param ready how many bytes of {@code sends} do not depend on anything received
 */
record RingTransfer(
    Operation operation,
    long bytes,
    List<ByteBuffer> sends,
    List<ByteBuffer> receives,
    int sums,
    long ready) {

  /** The kinds of operations. */
  enum Operation {
    ALL_REDUCE(1, "all-reduce"),
    BROADCAST(2, "broadcast"),
    ALL_GATHER(3, "all-gather"),
    REDUCE_SCATTER(4, "reduce-scatter");

    private final int code;
    private final String text;

    Operation(int code, String text) {
      this.code = code;
      this.text = text;
    }

    /** The number by which it travels. */
    int code() {
      return code;
    }

    static String nameOf(int code) {
      return Arrays.stream(values())
          .filter(operation -> operation.code == code)
          .findFirst()
          .map(Operation::toString)
          .orElse("an unknown operation");
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** The values' consecutive shares, one for each rank; they differ by at most one element. */
  static List<ByteBuffer> shares(ByteBuffer values, int worldSize) {
    List<ByteBuffer> shares = new ArrayList<>();
    long count = values.remaining() / Float.BYTES;
    for (int i = 0; i < worldSize; i++) {
      int from = (int) (count * i / worldSize) * Float.BYTES;
      int to = (int) (count * (i + 1) / worldSize) * Float.BYTES;
      shares.add(values.slice(from, to - from).order(ByteOrder.nativeOrder()));
    }
    return shares;
  }

  /**
   * A sum over all ranks by ring reduce-scatter and all-gather: each share travels once around the
   * ring and is summed on the way, to end at its own rank, then once more as the result. Each share
   * is summed in one fixed order of ranks, so all ranks get the same bits.
   */
  static RingTransfer allReduce(ByteBuffer values, int rank, int worldSize) {
    return sum(Operation.ALL_REDUCE, values, 2 * (worldSize - 1), rank, worldSize);
  }

  /** The first half of {@link #allReduce}: afterwards a rank has the sum of its own share. */
  static RingTransfer reduceScatter(ByteBuffer values, int rank, int worldSize) {
    return sum(Operation.REDUCE_SCATTER, values, worldSize - 1, rank, worldSize);
  }

  private static RingTransfer sum(
      Operation operation, ByteBuffer values, int turns, int rank, int worldSize) {
    List<ByteBuffer> shares = shares(values, worldSize);
    List<ByteBuffer> sends = new ArrayList<>();
    List<ByteBuffer> receives = new ArrayList<>();
    for (int turn = 0; turn < turns; turn++) {
      sends.add(shares.get(Math.floorMod(rank - turn - 1, worldSize)));
      receives.add(shares.get(Math.floorMod(rank - turn - 2, worldSize)));
    }
    return new RingTransfer(
        operation,
        values.remaining(),
        sends,
        receives,
        worldSize - 1,
        shares.get(Math.floorMod(rank - 1, worldSize)).remaining());
  }

  /**
   * The root sends; every other rank passes on what it receives, but for the one before the root.
   */
  static RingTransfer broadcast(ByteBuffer bytes, int root, int rank, int worldSize) {
    boolean isRoot = rank == root;
    boolean isLast = (rank + 1) % worldSize == root;
    return new RingTransfer(
        Operation.BROADCAST,
        bytes.remaining(),
        isLast ? List.of() : List.of(bytes.slice()),
        isRoot ? List.of() : List.of(bytes.slice()),
        0,
        isRoot ? bytes.remaining() : 0);
  }

  /** Every rank's block travels to all others; {@code blocks} has one for each rank, in order. */
  static RingTransfer allGather(List<ByteBuffer> blocks, int rank) {
    int worldSize = blocks.size();
    List<ByteBuffer> sends = new ArrayList<>();
    List<ByteBuffer> receives = new ArrayList<>();
    for (int turn = 0; turn < worldSize - 1; turn++) {
      sends.add(blocks.get(Math.floorMod(rank - turn, worldSize)).slice());
      receives.add(blocks.get(Math.floorMod(rank - turn - 1, worldSize)).slice());
    }
    return new RingTransfer(
        Operation.ALL_GATHER,
        blocks.stream().mapToLong(ByteBuffer::remaining).sum(),
        sends,
        receives,
        0,
        blocks.get(rank).remaining());
  }
}
