package io.sparkhawk.executor.collective;

import java.io.EOFException;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.SocketChannel;
import java.util.Iterator;

/** The receiving half of a transfer: takes frames apart and adds or stores what they bring. */
final class RingReceiver {

  private final SocketChannel channel;
  private final Frames.Reader frames = new Frames.Reader();
  private final FloatSum floatSum = new FloatSum();

  /** Addends that were received and not yet added; fewer than four bytes between two calls. */
  private final ByteBuffer addends =
      ByteBuffer.allocateDirect(RingSender.FRAME_BYTES).order(ByteOrder.nativeOrder());

  private final FloatBuffer addendFloats = addends.asFloatBuffer();

  private RingTransfer transfer;
  private long sequence;
  private boolean begun;
  private Iterator<ByteBuffer> slices;
  private ByteBuffer slice;
  private FloatBuffer sliceFloats;
  private int slicesToSum;
  private boolean sum;
  private int leftOfFrame;
  private long received;
  private long total;

  RingReceiver(SocketChannel channel) {
    this.channel = channel;
  }

  void start(RingTransfer newTransfer, long newSequence) {
    transfer = newTransfer;
    sequence = newSequence;
    begun = false;
    slices = newTransfer.receives().iterator();
    slice = ByteBuffer.allocate(0);
    slicesToSum = newTransfer.sums();
    received = 0;
    total = newTransfer.receives().stream().mapToLong(ByteBuffer::remaining).sum();
  }

  /**
   * Takes some of what the socket has.
   *
   * @return whether there was anything
   * @throws ProtocolException if the previous rank makes another call than this rank
   * @throws RingFailure if the previous rank gives up
   */
  boolean advance() throws IOException, RingFailure {
    if (done()) {
      return false;
    }
    return leftOfFrame > 0 ? readData() : readFrame();
  }

  private boolean readFrame() throws IOException, RingFailure {
    int read = frames.read(channel);
    if (frames.complete()) {
      if (frames.kind() == Frames.BEGIN && !begun) {
        checkSameCall(frames.body());
        begun = true;
      } else if (frames.kind() == Frames.DATA && begun && frames.length() <= missing()) {
        leftOfFrame = frames.length();
      } else {
        throw new ProtocolException("frame %d out of place".formatted(frames.kind()));
      }
      frames.next();
    }
    return read > 0;
  }

  private long missing() {
    return total - received - addends.position();
  }

  private void checkSameCall(ByteBuffer begin) throws ProtocolException {
    long itsSequence = begin.getLong();
    long itsStep = begin.getLong();
    int itsOperation = begin.getInt();
    long itsBytes = begin.getLong();
    if (itsSequence != sequence
        || itsOperation != transfer.operation().code()
        || itsBytes != transfer.bytes()) {
      throw new ProtocolException(
          "its call %d is %s of %d bytes (at step %d), but call %d of this rank is %s of %d bytes"
              .formatted(
                  itsSequence,
                  RingTransfer.Operation.nameOf(itsOperation),
                  itsBytes,
                  itsStep,
                  sequence,
                  transfer.operation(),
                  transfer.bytes()));
    }
  }

  private boolean readData() throws IOException {
    if (!slice.hasRemaining()) {
      nextSlice();
    }
    int read = sum ? readAndAdd() : readInPlace();
    if (read < 0) {
      throw new EOFException("end of the connection");
    }
    leftOfFrame -= read;
    return read > 0;
  }

  private void nextSlice() {
    do {
      slice = slices.next().duplicate();
      sum = slicesToSum-- > 0;
    } while (!slice.hasRemaining());
    sliceFloats = sum ? slice.order(ByteOrder.nativeOrder()).asFloatBuffer() : null;
  }

  private int readInPlace() throws IOException {
    int end = slice.limit();
    slice.limit(slice.position() + Math.min(leftOfFrame, slice.remaining()));
    int read = channel.read(slice);
    slice.limit(end);
    received += Math.max(read, 0);
    return read;
  }

  private int readAndAdd() throws IOException {
    int missing = slice.remaining() - addends.position();
    int wanted = Math.min(Math.min(leftOfFrame, missing), addends.remaining());
    addends.limit(addends.position() + wanted);
    int read = channel.read(addends);
    int floats = addends.position() / Float.BYTES;
    floatSum.add(sliceFloats, sliceFloats.position(), addendFloats, 0, floats);
    sliceFloats.position(sliceFloats.position() + floats);
    slice.position(slice.position() + floats * Float.BYTES);
    received += (long) floats * Float.BYTES;
    addends.limit(addends.position()).position(floats * Float.BYTES).compact();
    return read;
  }

  /** Bytes that are in their place, added where they are to be. */
  long received() {
    return received;
  }

  /** Whether the previous rank has begun this operation. */
  boolean begun() {
    return begun;
  }

  boolean done() {
    return begun && received == total;
  }
}
