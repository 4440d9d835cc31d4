package io.sparkhawk.executor.collective;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * The port where a process waits for its previous rank. A process first opens its listener, tells
 * the rendezvous {@link #address}, gets its {@link RingPlace} from there, and then joins the ring.
 */
public final class RingListener implements AutoCloseable {

  /**
   * How long somebody who connects may take to introduce himself, so that others get their turn.
   */
  private static final Duration INTRODUCTION = Duration.ofSeconds(5);

  private static final int MIN_SECRET_BYTES = 16;

  private final ServerSocketChannel server;
  private final String address;

  private RingListener(ServerSocketChannel server, String address) {
    this.server = server;
    this.address = address;
  }

  /**
   * Listens on a free port.
   *
   * @param host name or address of this machine, as the other ranks reach it
   * @throws ConfigurationException if it is not an address of this machine
   */
  public static RingListener open(String host) {
    try {
      ServerSocketChannel server = ServerSocketChannel.open();
      try {
        server.bind(new InetSocketAddress(host, 0));
        int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
        return new RingListener(server, host + ":" + port);
      } catch (IOException | RuntimeException e) {
        server.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      throw new ConfigurationException(
          ("Cannot listen on %s for the other workers: %s. It must be a name or address of"
                  + " this machine.")
              .formatted(host, e),
          e);
    }
  }

  /** {@code host:port}, for the other ranks. */
  public String address() {
    return address;
  }

  /**
   * Connects to the next rank and waits for the previous one; returns when all ranks are connected.
   * The listener is closed then. In a world of one there is nobody to connect to.
   *
   * <p>Connections that cannot prove to know the secret, or are of another generation, are refused
   * and do not disturb.
   *
   * @param place this process's place
   * @param secret shared by all processes of the application, at least 16 bytes
   * @param timeout how long any later wait for a neighbour may take, and joining as a whole
   * @return the ring
   * @throws InfrastructureException if a neighbour is not there in time or refuses this rank
   */
  public Collective join(RingPlace place, byte[] secret, Duration timeout) {
    if (secret.length < MIN_SECRET_BYTES) {
      throw new IllegalArgumentException(
          "secret has %d bytes, but at least %d are needed"
              .formatted(secret.length, MIN_SECRET_BYTES));
    }
    if (place.worldSize() == 1) {
      close();
      return SingleProcess.create();
    }
    List<Channel> opened = Collections.synchronizedList(new ArrayList<>());
    try {
      TcpRing ring = join(place, new Handshake(place, secret), timeout, opened);
      opened.clear();
      return ring;
    } catch (IOException e) {
      throw notJoined(place, "its sockets failed: " + e, e);
    } finally {
      close();
      List.copyOf(opened).forEach(RingListener::closeQuietly);
    }
  }

  /** All channels that it opens go to {@code opened} at once, so that none is lost in a failure. */
  private TcpRing join(RingPlace place, Handshake handshake, Duration timeout, List<Channel> opened)
      throws IOException {
    Deadline deadline = Deadline.in(timeout);
    // Every rank waits for the next one's verdict, so somebody must listen meanwhile.
    FutureTask<SocketChannel> accepting =
        new FutureTask<>(() -> acceptPrevious(place, handshake, deadline, opened));
    Thread acceptor = new Thread(accepting, "ring-listener-of-rank-" + place.rank());
    acceptor.setDaemon(true);
    acceptor.start();
    SocketChannel next = connectNext(place, handshake, deadline, opened);
    SocketChannel previous = get(accepting, place);
    TcpRing ring = new TcpRing(place, new RingConnection(place, next, previous, timeout));
    boolean complete = false;
    try {
      ring.barrier();
      complete = true;
      return ring;
    } finally {
      if (!complete) {
        ring.close();
      }
    }
  }

  private static SocketChannel connectNext(
      RingPlace place, Handshake handshake, Deadline deadline, List<Channel> opened) {
    String name = place.nameOf(place.next());
    try {
      SocketChannel channel = SocketChannel.open();
      opened.add(channel);
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      Socket socket = channel.socket();
      socket.connect(socketAddress(place.addresses().get(place.next())), deadline.millisLeft());
      Optional<String> refusal = handshake.connect(socket, deadline);
      if (refusal.isPresent()) {
        throw notJoined(place, "%s refused it: %s".formatted(name, refusal.get()), null);
      }
      return channel;
    } catch (SocketTimeoutException e) {
      throw notJoined(place, "%s did not answer in time".formatted(name), e);
    } catch (IOException e) {
      throw notJoined(place, "%s cannot be reached: %s".formatted(name, e.getMessage()), e);
    }
  }

  private SocketChannel acceptPrevious(
      RingPlace place, Handshake handshake, Deadline deadline, List<Channel> opened) {
    List<String> refused = new ArrayList<>();
    while (true) {
      Socket socket;
      try {
        server.socket().setSoTimeout(deadline.millisLeft());
        socket = server.socket().accept();
        opened.add(socket.getChannel());
      } catch (IOException e) {
        throw notJoined(
            place,
            "%s did not connect%s"
                .formatted(
                    place.nameOf(place.previous()),
                    refused.isEmpty() ? " in time" : " in time; refused were " + refused),
            e);
      }
      Optional<String> refusal = introduce(socket, handshake, deadline);
      if (refusal.isEmpty()) {
        return socket.getChannel();
      }
      closeQuietly(socket.getChannel());
      opened.remove(socket.getChannel());
      // The last few are enough to understand what happens.
      if (refused.size() == 4) {
        refused.remove(0);
      }
      refused.add("%s (%s)".formatted(socket.getRemoteSocketAddress(), refusal.get()));
    }
  }

  private static Optional<String> introduce(Socket socket, Handshake handshake, Deadline deadline) {
    try {
      socket.setTcpNoDelay(true);
      return handshake.accept(socket, deadline.orIn(INTRODUCTION));
    } catch (IOException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private static SocketChannel get(FutureTask<SocketChannel> accepting, RingPlace place) {
    try {
      return accepting.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof InfrastructureException failure) {
        throw failure;
      }
      throw new IllegalStateException("the listener's thread failed", e.getCause());
    } catch (CancellationException | InterruptedException e) {
      Thread.currentThread().interrupt();
      throw notJoined(place, "it was interrupted", e);
    }
  }

  private static InetSocketAddress socketAddress(String address) throws IOException {
    int colon = address.lastIndexOf(':');
    try {
      InetSocketAddress parsed =
          new InetSocketAddress(
              address.substring(0, Math.max(colon, 0)),
              Integer.parseInt(address.substring(colon + 1)));
      if (parsed.isUnresolved()) {
        throw new IOException("its host name is unknown here");
      }
      return parsed;
    } catch (IllegalArgumentException e) {
      throw new IOException("its address is not host:port", e);
    }
  }

  private static InfrastructureException notJoined(
      RingPlace place, String reason, Throwable cause) {
    return new InfrastructureException(
        "Rank %d of %d could not join the ring of generation %d: %s."
            .formatted(place.rank(), place.worldSize(), place.generation(), reason),
        cause);
  }

  /** Stops listening; a {@link #join} that waits fails. Does not throw. */
  @Override
  public void close() {
    closeQuietly(server);
  }

  private static void closeQuietly(Channel channel) {
    try {
      channel.close();
    } catch (IOException ignored) {
      // Nothing depends on a socket that is no longer wanted.
    }
  }
}
