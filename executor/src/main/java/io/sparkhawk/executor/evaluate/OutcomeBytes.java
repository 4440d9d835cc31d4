package io.sparkhawk.executor.evaluate;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Outcomes as bytes, for their way between ranks: a byte of flags and a float64 each. */
final class OutcomeBytes {

  private static final int SIZE = 1 + Double.BYTES;

  private OutcomeBytes() {}

  static byte[] write(List<Outcome> outcomes) {
    ByteBuffer bytes = ByteBuffer.allocate(outcomes.size() * SIZE);
    for (Outcome outcome : outcomes) {
      int flags =
          (outcome.correct() ? 1 : 0)
              | (outcome.correctByCharacters() ? 2 : 0)
              | (outcome.correctByBytes() ? 4 : 0)
              | (outcome.truncated() ? 8 : 0);
      bytes.put((byte) flags).putDouble(outcome.logLikelihood());
    }
    return bytes.array();
  }

  static List<Outcome> read(byte[] content) {
    List<Outcome> outcomes = new ArrayList<>();
    for (ByteBuffer bytes = ByteBuffer.wrap(content); bytes.hasRemaining(); ) {
      int flags = bytes.get();
      outcomes.add(
          new Outcome(
              (flags & 1) != 0,
              (flags & 2) != 0,
              (flags & 4) != 0,
              bytes.getDouble(),
              (flags & 8) != 0));
    }
    return outcomes;
  }
}
