package io.sparkhawk.executor.collective;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The first words between a rank and the next one: both prove that they know the secret, without
 * sending it, and agree on generation, ranks and world size.
 *
 * <pre>
 * connector: hello    = long magic, long generation, int world size, int own rank, int other's rank,
 *                       32 random bytes
 * acceptor:  question = 32 random bytes
 * connector: answer   = HMAC-SHA-256(secret, "connector" hello question)
 * acceptor:  verdict  = HMAC-SHA-256(secret, "acceptor" hello question refusal), refusal
 *            refusal  = short length, UTF-8 text; empty where the connector is welcome
 * </pre>
 *
 * An acceptor that gets a wrong answer sends zeros for the HMAC of its verdict.
 */
final class Handshake {

  private static final long MAGIC = 0x535041524b480001L;
  private static final int RANDOM_BYTES = 32;
  private static final int PROOF_BYTES = 32;
  private static final int HELLO_BYTES = 2 * Long.BYTES + 3 * Integer.BYTES + RANDOM_BYTES;
  private static final int MAX_REFUSAL_BYTES = 1024;
  private static final String WRONG_SECRET = "it does not know the secret of this run";

  private final RingPlace place;
  private final byte[] secret;
  private final SecureRandom random = new SecureRandom();

  Handshake(RingPlace place, byte[] secret) {
    this.place = place;
    this.secret = secret.clone();
  }

  /**
   * Introduces this rank to the next one.
   *
   * @return why it was refused; empty if it is welcome
   */
  Optional<String> connect(Socket socket, Deadline deadline) throws IOException {
    ByteBuffer hello = ByteBuffer.allocate(HELLO_BYTES);
    hello.putLong(MAGIC).putLong(place.generation());
    hello.putInt(place.worldSize()).putInt(place.rank()).putInt(place.next());
    hello.put(randomBytes());
    socket.getOutputStream().write(hello.array());
    DataInputStream in = input(socket, deadline);
    byte[] question = in.readNBytes(RANDOM_BYTES);
    socket.getOutputStream().write(proof("connector", hello.array(), question));
    byte[] itsProof = in.readNBytes(PROOF_BYTES);
    byte[] refusal = in.readNBytes(Math.min(in.readUnsignedShort(), MAX_REFUSAL_BYTES));
    if (!MessageDigest.isEqual(itsProof, proof("acceptor", hello.array(), question, refusal))) {
      return Optional.of("one of the two does not know the secret of this run");
    }
    return Optional.of(new String(refusal, StandardCharsets.UTF_8)).filter(text -> !text.isEmpty());
  }

  /**
   * Hears who connects, and welcomes only the previous rank of the same generation.
   *
   * @return why it was refused; empty if it is welcome
   */
  Optional<String> accept(Socket socket, Deadline deadline) throws IOException {
    DataInputStream in = input(socket, deadline);
    byte[] hello = new byte[HELLO_BYTES];
    in.readFully(hello);
    ByteBuffer fields = ByteBuffer.wrap(hello);
    if (fields.getLong() != MAGIC) {
      return Optional.of("it speaks another protocol");
    }
    byte[] question = randomBytes();
    socket.getOutputStream().write(question);
    byte[] answer = in.readNBytes(PROOF_BYTES);
    boolean known = MessageDigest.isEqual(answer, proof("connector", hello, question));
    String refusal = known ? objection(fields) : WRONG_SECRET;
    byte[] text = refusal.getBytes(StandardCharsets.UTF_8);
    byte[] proof = known ? proof("acceptor", hello, question, text) : new byte[PROOF_BYTES];
    ByteBuffer verdict = ByteBuffer.allocate(PROOF_BYTES + Short.BYTES + text.length);
    verdict.put(proof).putShort((short) text.length).put(text);
    socket.getOutputStream().write(verdict.array());
    return Optional.of(refusal).filter(reason -> !reason.isEmpty());
  }

  private String objection(ByteBuffer hello) {
    long generation = hello.getLong();
    int worldSize = hello.getInt();
    int fromRank = hello.getInt();
    int toRank = hello.getInt();
    if (generation != place.generation()) {
      return "it is of generation %d, but this is generation %d"
          .formatted(generation, place.generation());
    }
    if (worldSize != place.worldSize()) {
      return "it counts %d ranks, but there are %d".formatted(worldSize, place.worldSize());
    }
    if (fromRank != place.previous() || toRank != place.rank()) {
      return "it is rank %d and looks for rank %d, but this is rank %d and waits for rank %d"
          .formatted(fromRank, toRank, place.rank(), place.previous());
    }
    return "";
  }

  private byte[] randomBytes() {
    byte[] bytes = new byte[RANDOM_BYTES];
    random.nextBytes(bytes);
    return bytes;
  }

  private byte[] proof(String role, byte[]... parts) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HmacSHA256"));
      mac.update(role.getBytes(StandardCharsets.UTF_8));
      Arrays.stream(parts).forEach(mac::update);
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has HmacSHA256", e);
    }
  }

  /** The socket's bytes, read until the deadline and not one further than asked for. */
  private static DataInputStream input(Socket socket, Deadline deadline) throws IOException {
    InputStream bytes = socket.getInputStream();
    return new DataInputStream(
        new InputStream() {
          @Override
          public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
          }

          @Override
          public int read(byte[] target, int offset, int length) throws IOException {
            socket.setSoTimeout(deadline.millisLeft());
            int read = bytes.read(target, offset, length);
            if (read < 0) {
              throw new EOFException("it closed the connection");
            }
            return read;
          }
        });
  }
}
