package io.sparkhawk.executor.collective;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.testing.Fuzz;
import io.sparkhawk.testing.Mutations;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Peers that do not know the secret, and bytes that no rank of ours would send. */
@Timeout(60)
class HandshakeFuzzTest {

  private static final byte[] SECRET =
      "the secret of the generation    ".getBytes(StandardCharsets.US_ASCII);
  private static final RingPlace ACCEPTOR = new RingPlace(7, 1, List.of("a:1", "b:2"));
  private static final RingPlace CONNECTOR = new RingPlace(7, 0, List.of("a:1", "b:2"));

  /** A socket of bytes that were recorded; what is written to it is kept. */
  private static final class Recorded extends Socket {

    private final InputStream in;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Recorded(byte[] bytes) {
      this.in = new ByteArrayInputStream(bytes);
    }

    @Override
    public InputStream getInputStream() {
      return in;
    }

    @Override
    public OutputStream getOutputStream() {
      return out;
    }

    @Override
    public void setSoTimeout(int millis) {}
  }

  private static Deadline soon() {
    return Deadline.in(Duration.ofSeconds(5));
  }

  /** What a true connector sent once, and what is like it: the acceptor's question is another. */
  @Test
  void nobodyIsWelcomeByWhatWasSentBefore() throws IOException {
    Recorded recorded = new Recorded(new byte[32]);
    try {
      new Handshake(CONNECTOR, SECRET).connect(recorded, soon());
    } catch (IOException endOfTheRecording) {
      assertThat(recorded.out.size()).isPositive();
    }
    byte[] sent = recorded.out.toByteArray();
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(InfrastructureException.class, "peer")
            .run(
                5000,
                random -> random.nextInt(8) == 0 ? noise(random) : Mutations.ofBytes(random, sent),
                bytes ->
                    refusing(
                        () -> new Handshake(ACCEPTOR, SECRET).accept(new Recorded(bytes), soon())));
    assertThat(outcome.taken()).isZero();
  }

  /** An acceptor without the secret cannot make itself trusted, nor its refusal believed. */
  @Test
  void nobodyIsTrustedWithoutTheSecret() {
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(InfrastructureException.class, "peer")
            .run(
                5000,
                HandshakeFuzzTest::noise,
                bytes ->
                    refusing(
                        () ->
                            new Handshake(CONNECTOR, SECRET).connect(new Recorded(bytes), soon())));
    assertThat(outcome.taken()).isZero();
  }

  @FunctionalInterface
  private interface Meeting {
    Optional<String> run() throws IOException;
  }

  private static void refusing(Meeting meeting) {
    try {
      meeting
          .run()
          .ifPresent(
              refusal -> {
                throw new InfrastructureException("The peer is refused: " + refusal);
              });
    } catch (IOException e) {
      throw new InfrastructureException("The peer is refused: " + e.getMessage(), e);
    }
  }

  private static byte[] noise(Random random) {
    byte[] bytes = new byte[random.nextInt(300)];
    random.nextBytes(bytes);
    return bytes;
  }

  /** A frame's length is checked before its bytes are taken, and none takes more than 4 KiB. */
  @Test
  void damagedFramesAreReadOrRefused() {
    ByteBuffer begin = ByteBuffer.allocate(Frames.HEAD_BYTES + Frames.BEGIN_BYTES);
    begin.putInt(Frames.BEGIN).putInt(Frames.BEGIN_BYTES);
    byte[] abort = Frames.abort(new RingFailure(1, "it was aborted", null)).array();
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(InfrastructureException.class, "peer")
            .within(64 << 10, 100)
            .run(
                5000,
                random -> Mutations.ofBytes(random, random.nextBoolean() ? begin.array() : abort),
                HandshakeFuzzTest::readFrame);
    assertThat(outcome.taken()).isPositive();
    assertThat(outcome.refused()).isPositive();
  }

  private static void readFrame(byte[] bytes) {
    Frames.Reader reader = new Frames.Reader();
    ReadableByteChannel channel = Channels.newChannel(new ByteArrayInputStream(bytes));
    try {
      while (!reader.complete()) {
        reader.read(channel);
      }
    } catch (IOException | RingFailure e) {
      throw new InfrastructureException("The peer is refused: " + e.getMessage(), e);
    }
  }
}
