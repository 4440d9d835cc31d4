package io.sparkhawk.executor.collective;

import io.sparkhawk.data.error.InfrastructureException;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Runs transfers over the connections of one rank: data goes out to the next rank and comes in from
 * the previous one, and whoever gives up tells both neighbours why.
 *
 * <p>One thread does everything, and never waits on one direction while the other could move: a
 * ring in which all ranks only write stops as soon as the sockets' buffers are full.
 */
final class RingConnection implements AutoCloseable {

  /** How much longer a rank waits that only knows of silence, not who causes it. */
  private static final Duration GRACE = Duration.ofSeconds(1);

  /** How long a rank that gives up waits for room to tell its neighbours. */
  private static final Duration FAREWELL = Duration.ofMillis(250);

  private final RingPlace place;
  private final Duration timeout;
  private final Selector selector;
  private final SelectionKey next;
  private final SelectionKey previous;
  private final RingSender sender;
  private final RingReceiver receiver;
  private final Frames.Reader nextNotices = new Frames.Reader();

  /** Set once, by whoever finds a failure first; from then on nothing works any more. */
  private final AtomicReference<RingFailure> failure = new AtomicReference<>();

  private boolean neighboursTold;
  private long sequence;

  RingConnection(RingPlace place, SocketChannel next, SocketChannel previous, Duration timeout)
      throws IOException {
    this.place = place;
    this.timeout = timeout;
    this.selector = Selector.open();
    next.configureBlocking(false);
    previous.configureBlocking(false);
    this.next = next.register(selector, SelectionKey.OP_READ);
    this.previous = previous.register(selector, 0);
    this.sender = new RingSender(next);
    this.receiver = new RingReceiver(previous);
  }

  /**
   * Runs one transfer to its end.
   *
   * @param step the training step, for messages
   * @throws InfrastructureException if it fails; the connection is then broken
   */
  void run(RingTransfer transfer, long step) {
    try {
      sequence++;
      sender.start(transfer, sequence, step);
      receiver.start(transfer, sequence);
      move(transfer.ready());
    } catch (RingFailure | IOException e) {
      fail(e instanceof RingFailure found ? found : ownFailure("its selector failed: " + e, e));
      tellNeighbours();
      throw broken(
          "The %s of %d bytes on rank %d of %d at step %d"
              .formatted(
                  transfer.operation(), transfer.bytes(), place.rank(), place.worldSize(), step));
    }
  }

  private void move(long ready) throws RingFailure, IOException {
    long lastMoved = System.nanoTime();
    while (!sender.done() || !receiver.done()) {
      if (failure.get() != null) {
        throw failure.get();
      }
      boolean received = receive();
      boolean sent = send(ready + receiver.received());
      if (received || sent) {
        lastMoved = System.nanoTime();
      } else {
        awaitNeighbours(lastMoved);
      }
    }
  }

  private boolean receive() throws RingFailure {
    try {
      return receiver.advance();
    } catch (IOException e) {
      throw lost(place.previous(), e);
    }
  }

  private boolean send(long ready) throws RingFailure {
    try {
      return sender.advance(ready);
    } catch (IOException e) {
      // A neighbour that gave up has closed its side, but its reason may still lie in the socket.
      hearNext();
      throw lost(place.next(), e);
    }
  }

  /** Waits until a socket can move on, the ring is broken or the time is over. */
  private void awaitNeighbours(long lastMoved) throws RingFailure, IOException {
    long patience = timeout.toNanos() + (culpritIsKnown() ? 0 : GRACE.toNanos());
    long millis = TimeUnit.NANOSECONDS.toMillis(lastMoved + patience - System.nanoTime());
    if (millis < 0) {
      throw timedOut();
    }
    previous.interestOps(receiver.done() ? 0 : SelectionKey.OP_READ);
    next.interestOps(
        (next.interestOps() & SelectionKey.OP_READ)
            | (sender.inFrame() ? SelectionKey.OP_WRITE : 0));
    selector.select(millis + 1);
    boolean nextSpoke = selector.selectedKeys().contains(next) && next.isReadable();
    selector.selectedKeys().clear();
    if (nextSpoke) {
      hearNext();
    }
  }

  /** The next rank never answers, so what comes from there is a reason or the end. */
  private void hearNext() throws RingFailure {
    try {
      while (nextNotices.read((SocketChannel) next.channel()) > 0) {
        if (nextNotices.complete()) {
          throw new ProtocolException("frame out of place");
        }
      }
    } catch (IOException e) {
      if (!sender.done()) {
        throw lost(place.next(), e);
      }
      // It may have finished and left, with nothing more to get from this rank.
      next.interestOps(next.interestOps() & ~SelectionKey.OP_READ);
    }
  }

  /**
   * A rank whose neighbour has not begun, or does not take data, knows who holds the ring up. The
   * others give it a little time to say so.
   */
  private boolean culpritIsKnown() {
    return !receiver.begun() || sender.inFrame();
  }

  private RingFailure timedOut() {
    String previousName = place.nameOf(place.previous());
    if (!receiver.begun()) {
      return ownFailure(
          "%s has not begun this operation within %s; it is slow, hung or cut off"
              .formatted(previousName, text(timeout)),
          null);
    }
    if (sender.inFrame()) {
      return ownFailure(
          "%s took no data for %s; it is hung or cut off"
              .formatted(place.nameOf(place.next()), text(timeout)),
          null);
    }
    return ownFailure(
        "%s sent nothing for %s in the middle of it; it, or a rank before it, is hung or cut off"
            .formatted(previousName, text(timeout)),
        null);
  }

  private RingFailure lost(int rank, IOException e) {
    String name = place.nameOf(rank);
    if (e instanceof ProtocolException) {
      return ownFailure("%s is not in step: %s".formatted(name, e.getMessage()), e);
    }
    return ownFailure(
        "the connection to %s is lost (%s); its process ended or is cut off"
            .formatted(name, e.getMessage()),
        e);
  }

  private RingFailure ownFailure(String reason, Throwable cause) {
    return new RingFailure(place.rank(), reason, cause);
  }

  /** Breaks the connection; any thread may do so. A transfer that is under way fails at once. */
  void abort(String reason) {
    fail(ownFailure(reason, null));
    selector.wakeup();
  }

  private void fail(RingFailure newFailure) {
    failure.compareAndSet(null, newFailure);
  }

  /** Bytes written to the next rank so far; any thread may ask. */
  long sentBytes() {
    return sender.sentBytes();
  }

  /** The exception for a call on a broken connection, or null while it works. */
  InfrastructureException brokenOrNull(String call) {
    return failure.get() == null ? null : broken(call);
  }

  private InfrastructureException broken(String call) {
    RingFailure cause = failure.get();
    String who =
        cause.origin() == place.rank() || cause.origin() < 0 || cause.origin() >= place.worldSize()
            ? ""
            : place.nameOf(cause.origin()) + " gave up: ";
    return new InfrastructureException(
        "%s failed: %s%s.".formatted(call, who, cause.reason()), cause);
  }

  /** Tells both neighbours why this rank gives up, once; only the thread of {@link #run} may. */
  void tellNeighbours() {
    if (neighboursTold || failure.get() == null) {
      return;
    }
    neighboursTold = true;
    ByteBuffer notice = Frames.abort(failure.get());
    tell(previous, notice.duplicate());
    tell(next, notice);
  }

  private void tell(SelectionKey neighbour, ByteBuffer notice) {
    SocketChannel channel = (SocketChannel) neighbour.channel();
    try {
      long deadline = System.nanoTime() + FAREWELL.toNanos();
      while (notice.hasRemaining()) {
        boolean frameFirst = neighbour == next && sender.inFrame();
        if (frameFirst ? sender.advance(0) : channel.write(notice) > 0) {
          continue;
        }
        long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (millis <= 0) {
          break;
        }
        next.interestOps(neighbour == next ? SelectionKey.OP_WRITE : 0);
        previous.interestOps(neighbour == previous ? SelectionKey.OP_WRITE : 0);
        selector.select(millis);
        selector.selectedKeys().clear();
      }
      channel.shutdownOutput();
    } catch (IOException ignored) {
      // The neighbour is gone, or the connection is: that also tells it to stop.
    }
  }

  /** Closes the connections; no transfer may be under way. */
  @Override
  public void close() throws IOException {
    abort("the collective is closed");
    // A channel is closed for good only when its selector lets go of it.
    try (selector) {
      previous.channel().close();
      next.channel().close();
    }
  }

  private static String text(Duration duration) {
    return duration.toMillis() % 1000 == 0
        ? duration.toSeconds() + " s"
        : duration.toMillis() + " ms";
  }
}
