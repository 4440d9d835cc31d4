package io.sparkhawk.executor.collective;

import java.io.EOFException;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The bytes between neighbours in a ring, big endian but for the data itself.
 *
 * <pre>
 * towards the next rank, for each operation:  begin data*
 * in either direction, as the last frame:     abort
 *
 * begin = int 1, int 28, long sequence, long step, int operation, long bytes
 * data  = int 2, int length, length bytes in native order
 * abort = int 3, int length, int rank that found the failure, reason in UTF-8
 * </pre>
 */
final class Frames {

  static final int BEGIN = 1;
  static final int DATA = 2;
  static final int ABORT = 3;

  static final int HEAD_BYTES = 2 * Integer.BYTES;
  static final int BEGIN_BYTES = 28;
  private static final int MAX_ABORT_BYTES = 4096;

  private Frames() {}

  static void putBegin(ByteBuffer to, RingTransfer transfer, long sequence, long step) {
    to.putInt(BEGIN).putInt(BEGIN_BYTES).putLong(sequence).putLong(step);
    to.putInt(transfer.operation().code()).putLong(transfer.bytes());
  }

  static ByteBuffer abort(RingFailure failure) {
    byte[] text = failure.reason().getBytes(StandardCharsets.UTF_8);
    byte[] reason = Arrays.copyOf(text, Math.min(text.length, MAX_ABORT_BYTES - Integer.BYTES));
    ByteBuffer frame = ByteBuffer.allocate(HEAD_BYTES + Integer.BYTES + reason.length);
    frame.putInt(ABORT).putInt(Integer.BYTES + reason.length);
    return frame.putInt(failure.origin()).put(reason).flip();
  }

  /**
   * Collects one frame from a channel that may give it byte by byte. Of data frames only the head
   * is read; an abort frame is thrown as the failure that it reports.
   */
  static final class Reader {

    private final ByteBuffer head = ByteBuffer.allocateDirect(HEAD_BYTES);
    private final ByteBuffer body = ByteBuffer.allocateDirect(MAX_ABORT_BYTES);

    /** Reads what is there, at most to the end of the frame; returns the number of bytes. */
    int read(ReadableByteChannel channel) throws IOException, RingFailure {
      boolean inHead = head.hasRemaining();
      int read = channel.read(inHead ? head : body);
      if (read < 0) {
        throw new EOFException("end of the connection");
      }
      if (inHead && !head.hasRemaining()) {
        body.clear().limit(checkedBodyLength());
      }
      if (complete() && kind() == ABORT) {
        int origin = body.flip().getInt();
        throw new RingFailure(origin, StandardCharsets.UTF_8.decode(body).toString(), null);
      }
      return read;
    }

    private int checkedBodyLength() throws ProtocolException {
      int length = length();
      if (kind() == DATA && length > 0) {
        return 0;
      }
      boolean begin = kind() == BEGIN && length == BEGIN_BYTES;
      boolean abort = kind() == ABORT && length >= Integer.BYTES && length <= MAX_ABORT_BYTES;
      if (begin || abort) {
        return length;
      }
      throw new ProtocolException(
          "frame of unknown kind %d or bad length %d".formatted(kind(), length));
    }

    boolean complete() {
      return !head.hasRemaining() && !body.hasRemaining();
    }

    int kind() {
      return head.getInt(0);
    }

    int length() {
      return head.getInt(Integer.BYTES);
    }

    /** The bytes after the head of a complete frame that is not data. */
    ByteBuffer body() {
      return body.flip();
    }

    /** Forgets the frame and makes ready for the next. */
    void next() {
      head.clear();
      body.clear();
    }
  }
}
