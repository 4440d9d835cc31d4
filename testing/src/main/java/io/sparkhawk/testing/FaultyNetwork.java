package io.sparkhawk.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * The network before an HTTP server of this machine, which loses, cuts, damages, delays and refuses
 * what it is told to: a TCP proxy on a port of its own. Clients must not send a request before the
 * reply to the one before (HTTP clients do not).
 */
public final class FaultyNetwork implements AutoCloseable {

  private static final int BUFFER_BYTES = 1 << 16;
  private static final byte[] CONTINUE = "HTTP/1.1 100".getBytes(StandardCharsets.US_ASCII);

  /** Reply bytes before a cut or a damaged one: the headers and a little more. */
  private static final int CUT_AFTER_BYTES = 1500;

  private static final long DELAY_MILLIS = 1500;

  /** What happens to a request. */
  public enum Fault {
    /** The connection is closed and the server never sees the request. */
    REFUSE,
    /** The server does what it was asked to, and the connection is closed before it can say so. */
    LOSE_REPLY,
    /** The connection is closed in the middle of the reply. */
    CUT_REPLY,
    /** One bit of the reply's body is another one. */
    FLIP_BIT,
    /** The reply comes a second and a half late. */
    DELAY
  }

  /** A fault that is still to happen {@code times} times. */
  private static final class Plan {
    private final String method;
    private final String pathPart;
    private final Fault fault;
    private int times;

    Plan(String method, String pathPart, Fault fault, int times) {
      this.method = method;
      this.pathPart = pathPart;
      this.fault = fault;
      this.times = times;
    }

    boolean concerns(String requestLine) {
      return times > 0 && requestLine.startsWith(method + " ") && requestLine.contains(pathPart);
    }
  }

  private final ServerSocket listener;
  private final int serverPort;
  private final List<Plan> plans = new ArrayList<>();
  private final List<String> requestLines = new ArrayList<>();
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

  private FaultyNetwork(ServerSocket listener, int serverPort) {
    this.listener = listener;
    this.serverPort = serverPort;
  }

  /** Opens a way to a port of 127.0.0.1. */
  public static FaultyNetwork before(int serverPort) {
    try {
      FaultyNetwork network =
          new FaultyNetwork(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), serverPort);
      start(network::acceptAll);
      return network;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The port that clients use. */
  public int port() {
    return listener.getLocalPort();
  }

  /**
   * Plans a fault for the next {@code times} requests with this method whose path contains a text.
   */
  public synchronized void plan(Fault fault, int times, String method, String pathPart) {
    plans.add(new Plan(method, pathPart, fault, times));
  }

  /** Takes back all faults that have not happened yet. */
  public synchronized void heal() {
    plans.clear();
  }

  /** How many planned faults have not happened yet. */
  public synchronized int open() {
    return plans.stream().mapToInt(plan -> plan.times).sum();
  }

  /** How many requests with this method and a path that contains a text were seen so far. */
  public synchronized long seen(String method, String pathPart) {
    return requestLines.stream()
        .filter(line -> line.startsWith(method + " ") && line.contains(pathPart))
        .count();
  }

  private synchronized Fault faultFor(String requestLine) {
    requestLines.add(requestLine);
    for (Plan plan : plans) {
      if (plan.concerns(requestLine)) {
        plan.times--;
        return plan.fault;
      }
    }
    return null;
  }

  private static void start(Runnable task) {
    Thread thread = new Thread(task, "faulty-network");
    thread.setDaemon(true);
    thread.start();
  }

  private void acceptAll() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        sockets.add(client);
        start(() -> new Connection(client).serve());
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  /** One client's connection and its counterpart to the server. */
  private final class Connection {

    private final Socket client;
    private volatile Fault fault;
    private volatile boolean replied = true;

    Connection(Socket client) {
      this.client = client;
    }

    void serve() {
      try (client;
          Socket server = new Socket()) {
        sockets.add(server);
        server.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), serverPort), 5000);
        start(() -> copyReplies(server));
        copyRequests(client.getInputStream(), server.getOutputStream());
      } catch (IOException e) {
        // One side is gone, and closing tells the other.
      } finally {
        sockets.remove(client);
      }
    }

    private void copyRequests(InputStream from, OutputStream to) throws IOException {
      byte[] buffer = new byte[BUFFER_BYTES];
      for (int read = from.read(buffer); read >= 0; read = from.read(buffer)) {
        if (replied) {
          // The first bytes after a reply are a new request.
          replied = false;
          fault = faultFor(firstLine(buffer, read));
        }
        if (fault == Fault.REFUSE) {
          return;
        }
        to.write(buffer, 0, read);
      }
    }

    private String firstLine(byte[] buffer, int length) {
      String text = new String(buffer, 0, length, StandardCharsets.ISO_8859_1);
      return text.lines().findFirst().orElse("");
    }

    private void copyReplies(Socket server) {
      byte[] buffer = new byte[BUFFER_BYTES];
      int replyBytes = 0;
      try (client;
          server) {
        InputStream from = server.getInputStream();
        OutputStream to = client.getOutputStream();
        for (int read = from.read(buffer); read >= 0; read = from.read(buffer)) {
          if (startsWith(buffer, read, CONTINUE)) {
            to.write(buffer, 0, read);
            continue;
          }
          replyBytes = replied ? replyBytes + read : read;
          replied = true;
          if (fault == Fault.LOSE_REPLY) {
            return;
          }
          if (fault == Fault.DELAY && replyBytes == read) {
            TimeUnit.MILLISECONDS.sleep(DELAY_MILLIS);
          }
          int place = CUT_AFTER_BYTES - (replyBytes - read);
          if (fault == Fault.FLIP_BIT && place >= 0 && place < read) {
            buffer[place] ^= 1;
          }
          if (fault == Fault.CUT_REPLY && replyBytes >= CUT_AFTER_BYTES) {
            to.write(buffer, 0, place);
            return;
          }
          to.write(buffer, 0, read);
        }
      } catch (IOException e) {
        // One side is gone, and closing tells the other.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } finally {
        sockets.remove(server);
      }
    }

    private boolean startsWith(byte[] buffer, int length, byte[] prefix) {
      for (int i = 0; i < prefix.length; i++) {
        if (i >= length || buffer[i] != prefix[i]) {
          return false;
        }
      }
      return true;
    }
  }

  /** Closes all connections. */
  @Override
  public void close() {
    try {
      listener.close();
      for (Socket socket : sockets) {
        socket.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
