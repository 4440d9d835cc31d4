package io.sparkhawk.executor.checkpoint;

import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * A wish to load part of a flat buffer.
 *
 * @param buffer name of the flat buffer
 * @param first index of the first wanted element
 * @param target is filled from its position to its limit, in native byte order; both stay as they
 *     are
 */
public record BufferRange(String buffer, long first, ByteBuffer target) {

  public BufferRange {
    Objects.requireNonNull(buffer, "buffer");
    Objects.requireNonNull(target, "target");
  }
}
