package io.sparkhawk.executor.collective;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** The sending half of a transfer: cuts what is ready into frames and writes them as they fit. */
final class RingSender {

  /** Payload of a full frame: the unit of the pipeline. */
  static final int FRAME_BYTES = 256 * 1024;

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final SocketChannel channel;
  private final ByteBuffer head = ByteBuffer.allocateDirect(64).limit(0);

  /**
   * The frame that is being written: its head, and its payload straight from the caller's buffer.
   */
  private final ByteBuffer[] frame = {head, NOTHING};

  private final AtomicLong sentBytes = new AtomicLong();

  private Iterator<ByteBuffer> slices = List.<ByteBuffer>of().iterator();
  private ByteBuffer slice = NOTHING;
  private long framed;
  private long total;

  RingSender(SocketChannel channel) {
    this.channel = channel;
  }

  void start(RingTransfer transfer, long sequence, long step) {
    slices = transfer.sends().iterator();
    slice = NOTHING;
    framed = 0;
    total = transfer.sends().stream().mapToLong(ByteBuffer::remaining).sum();
    head.clear();
    Frames.putBegin(head, transfer, sequence, step);
    head.flip();
  }

  /**
   * Writes as much as the socket takes, if a frame is under way or can be made.
   *
   * @param ready how many bytes of the transfer may be sent by now
   * @return whether any byte was written
   */
  boolean advance(long ready) throws IOException {
    if (!inFrame() && !nextFrame(ready)) {
      return false;
    }
    long written = channel.write(frame);
    sentBytes.addAndGet(written);
    return written > 0;
  }

  /** Bytes written so far, with the frames' heads; any thread may ask. */
  long sentBytes() {
    return sentBytes.get();
  }

  /** Frames are full but for the last of a slice: the receiver's progress comes in small steps. */
  private boolean nextFrame(long ready) {
    while (!slice.hasRemaining()) {
      if (!slices.hasNext()) {
        return false;
      }
      slice = slices.next().duplicate();
    }
    int length = Math.min(FRAME_BYTES, slice.remaining());
    if (framed + length > ready) {
      return false;
    }
    framed += length;
    head.clear().putInt(Frames.DATA).putInt(length).flip();
    frame[1] = slice.slice(slice.position(), length);
    slice.position(slice.position() + length);
    return true;
  }

  /** Whether a frame waits for room in the socket. */
  boolean inFrame() {
    return head.hasRemaining() || frame[1].hasRemaining();
  }

  boolean done() {
    return framed == total && !inFrame();
  }
}
