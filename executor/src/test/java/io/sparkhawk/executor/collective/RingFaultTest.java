package io.sparkhawk.executor.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the ranks see when one of them is slow, dies, gives up or does not belong to them. */
@Timeout(60)
class RingFaultTest {

  private static final Duration LONG = Duration.ofMinutes(10);

  /** More than sockets buffer, so that every rank needs its neighbours to move. */
  private static ByteBuffer large() {
    return Ranks.buffer(new float[8_000_000]);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void rankThatDoesNotComeIsNamedByAllOthers(int worldSize) throws Exception {
    CountDownLatch othersFailed = new CountDownLatch(worldSize - 1);
    List<Throwable> failures =
        Ranks.onEach(
            worldSize,
            Duration.ofMillis(500),
            collective -> {
              collective.atStep(17);
              if (collective.rank() == 1) {
                assertThat(othersFailed.await(30, TimeUnit.SECONDS)).isTrue();
                return catchThrowable(collective::barrier);
              }
              Throwable failure = catchThrowable(() -> collective.allReduceSum(large()));
              othersFailed.countDown();
              return failure;
            });
    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("of " + worldSize + " at step 17"));
    failures.remove(1);
    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure.getMessage())
                    .containsPattern("rank 1 \\(127.0.0.1:\\d+\\) (has not begun|took no data)")
                    .contains("500 ms"));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 5})
  void abortOnOneRankReachesAllWithItsReason(int worldSize) throws Exception {
    List<Throwable> failures =
        Ranks.failuresOfEach(
            worldSize,
            LONG,
            collective -> {
              if (collective.rank() == worldSize - 1) {
                collective.abort("the loss is not a number");
              }
              collective.allReduceSum(large());
              return null;
            });
    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("the loss is not a number"));
    assertThat(failures.get(0)).hasMessageContaining("rank " + (worldSize - 1) + " (127.0.0.1:");
  }

  @ParameterizedTest
  @ValueSource(strings = {"reduce-scatter", "all-gather"})
  void rankThatDoesNotComeIsNamedInEachHalfOfASum(String half) throws Exception {
    CountDownLatch otherFailed = new CountDownLatch(1);
    List<Throwable> failures =
        Ranks.onEach(
            2,
            Duration.ofMillis(500),
            collective -> {
              collective.atStep(17);
              if (collective.rank() == 1) {
                assertThat(otherFailed.await(30, TimeUnit.SECONDS)).isTrue();
                return null;
              }
              Throwable failure =
                  failureOf(
                      half.equals("all-gather")
                          ? collective.startAllGather(large())
                          : collective.startReduceScatterSum(large()));
              otherFailed.countDown();
              return failure;
            });
    assertThat(failures.get(0))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("The " + half + " of 32000000 bytes on rank 0 of 2 at step 17")
        .hasMessageContaining("rank 1 (127.0.0.1:");
  }

  @Test
  void abortFromAnotherThreadEndsACallThatWaits() throws Exception {
    CountDownLatch firstGaveUp = new CountDownLatch(1);
    List<Throwable> failures =
        Ranks.onEach(
            2,
            LONG,
            collective -> {
              if (collective.rank() == 1) {
                assertThat(firstGaveUp.await(30, TimeUnit.SECONDS)).isTrue();
                return catchThrowable(() -> collective.allReduceSum(large()));
              }
              Future<?> sum = collective.startAllReduceSum(large());
              Thread aborter = new Thread(() -> collective.abort("told to stop"));
              aborter.start();
              Throwable failure = failureOf(sum);
              firstGaveUp.countDown();
              aborter.join(30_000);
              return failure;
            });
    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("told to stop"));
  }

  @Test
  void interruptedCallerGivesUpAndSaysSo() throws Exception {
    List<Throwable> failures =
        Ranks.onEach(
            2,
            LONG,
            collective -> {
              if (collective.rank() == 0) {
                Thread.currentThread().interrupt();
              }
              Throwable failure = catchThrowable(() -> collective.allReduceSum(large()));
              assertThat(Thread.interrupted()).isEqualTo(collective.rank() == 0);
              return failure;
            });
    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("interrupted"));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void deathOfARankIsNoticedAtOnce(int worldSize) throws Exception {
    List<Throwable> failures =
        Ranks.failuresOfEach(
            worldSize,
            LONG,
            collective -> {
              if (collective.rank() == 0) {
                // For the others the same as what the kernel does for a process that is killed.
                collective.close();
              } else {
                collective.allReduceSum(large());
              }
              return null;
            });
    assertThat(failures.subList(1, worldSize))
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .message()
                    .containsPattern("the connection to rank 0 \\(127.0.0.1:\\d+\\) is lost"));
  }

  @Test
  void rankThatLeavesInTheMiddleOfASumTakesTheOthersAlong() throws Exception {
    List<Throwable> failures =
        Ranks.failuresOfEach(
            3,
            LONG,
            collective -> {
              Future<?> sum = collective.startAllReduceSum(large());
              if (collective.rank() == 2) {
                collective.close();
              }
              throw (Exception) failureOf(sum);
            });
    assertThat(failures)
        .allSatisfy(
            failure ->
                assertThat(failure)
                    .isInstanceOf(InfrastructureException.class)
                    .hasMessageContaining("the collective was closed"));
  }

  @Test
  void everyCallAfterAFailureFailsAtOnceWithItsReason() throws Exception {
    CountDownLatch joined = new CountDownLatch(2);
    Ranks.onEach(
        2,
        LONG,
        collective -> {
          joined.countDown();
          assertThat(joined.await(30, TimeUnit.SECONDS)).isTrue();
          collective.abort("first");
          collective.abort("second");
          for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> collective.allReduceSum(1))
                .isInstanceOf(InfrastructureException.class)
                .hasMessageContaining("first");
          }
          return null;
        });
  }

  private static FutureTask<Collective> joining(
      RingListener listener, RingPlace place, byte[] secret, Duration timeout) {
    return Ranks.start(List.<Callable<Collective>>of(() -> listener.join(place, secret, timeout)))
        .get(0);
  }

  private static Throwable failureOf(Future<?> future) {
    Throwable failure = catchThrowable(() -> future.get(30, TimeUnit.SECONDS));
    assertThat(failure).isInstanceOf(ExecutionException.class);
    return failure.getCause();
  }

  @Test
  void rankWithAnotherSecretIsRefused() {
    List<RingListener> listeners = Ranks.listeners(3);
    String waits = listeners.get(0).address();
    String silent = listeners.get(2).address();
    byte[] other = "some other secret, just as long".getBytes(StandardCharsets.UTF_8);
    var right =
        joining(
            listeners.get(0),
            new RingPlace(7, 0, List.of(waits, silent)),
            Ranks.SECRET,
            Duration.ofSeconds(2));
    RingPlace intruder = new RingPlace(7, 1, List.of(waits, listeners.get(1).address()));
    assertThatThrownBy(() -> listeners.get(1).join(intruder, other, Duration.ofSeconds(2)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("rank 0 (" + waits + ") refused it")
        .hasMessageContaining("does not know the secret")
        .hasMessageNotContaining("some other secret");
    assertThat(failureOf(right))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("rank 1 (" + silent + ") did not answer in time");
    listeners.get(2).close();
  }

  @Test
  void strangersAndEarlierGenerationsAreRefusedAndDoNotDisturb() throws Exception {
    List<RingListener> listeners = Ranks.listeners(2);
    List<String> addresses = listeners.stream().map(RingListener::address).toList();
    // The stale process believes to be rank 0 of an earlier generation, before rank 1.
    var first =
        joining(listeners.get(1), new RingPlace(7, 1, addresses), Ranks.SECRET, Ranks.TIMEOUT);
    RingListener staleListener = RingListener.open("127.0.0.1");
    RingPlace stale = new RingPlace(6, 0, List.of(staleListener.address(), addresses.get(1)));
    Throwable refusal =
        catchThrowable(() -> staleListener.join(stale, Ranks.SECRET, Ranks.TIMEOUT));
    assertThat(refusal)
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("rank 1 (" + addresses.get(1) + ") refused it")
        .hasMessageContaining("it is of generation 6, but this is generation 7");
    speakHttpTo(addresses.get(1));

    var second =
        joining(listeners.get(0), new RingPlace(7, 0, addresses), Ranks.SECRET, Ranks.TIMEOUT);
    try (Collective one = first.get(30, TimeUnit.SECONDS);
        Collective zero = second.get(30, TimeUnit.SECONDS)) {
      assertThat(List.of(zero.rank(), one.rank())).containsExactly(0, 1);
    }
  }

  private static void speakHttpTo(String address) throws IOException {
    int port = Integer.parseInt(address.substring(address.indexOf(':') + 1));
    try (SocketChannel stranger =
        SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))) {
      stranger.write(
          ByteBuffer.wrap("GET / HTTP/1.1\r\n\r\n".repeat(8).getBytes(StandardCharsets.UTF_8)));
    }
  }

  @Test
  void ranksThatCountDifferentlyAreRefused() {
    List<RingListener> listeners = Ranks.listeners(3);
    List<String> all = listeners.stream().map(RingListener::address).toList();
    var two =
        joining(listeners.get(1), new RingPlace(7, 1, all), Ranks.SECRET, Duration.ofSeconds(2));
    var counted =
        joining(
            listeners.get(0),
            new RingPlace(7, 0, all.subList(0, 2)),
            Ranks.SECRET,
            Duration.ofSeconds(2));
    assertThat(failureOf(counted)).hasMessageContaining("it counts 2 ranks, but there are 3");
    assertThat(failureOf(two)).isInstanceOf(InfrastructureException.class);
    listeners.get(2).close();
  }

  @Test
  void rankThatIsNotThereIsNamedWhenJoining() {
    List<RingListener> listeners = Ranks.listeners(2);
    List<String> addresses = listeners.stream().map(RingListener::address).toList();
    listeners.get(1).close();
    assertThatThrownBy(
            () -> listeners.get(0).join(new RingPlace(7, 0, addresses), Ranks.SECRET, LONG))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("rank 1 (" + addresses.get(1) + ") cannot be reached");
  }

  @Test
  void rankThatDoesNotAnswerIsNamedWhenJoining() {
    List<RingListener> listeners = Ranks.listeners(2);
    List<String> addresses = listeners.stream().map(RingListener::address).toList();
    assertThatThrownBy(
            () ->
                listeners
                    .get(0)
                    .join(new RingPlace(7, 0, addresses), Ranks.SECRET, Duration.ofMillis(300)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("rank 1 (" + addresses.get(1) + ") did not answer in time");
    listeners.get(1).close();
  }

  @Test
  void addressOfAnotherMachineCannotBeListenedOn() {
    assertThatThrownBy(() -> RingListener.open("192.0.2.1"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("192.0.2.1");
  }

  @Test
  void shortSecretsAreRefused() {
    try (RingListener listener = RingListener.open("127.0.0.1")) {
      RingPlace place = new RingPlace(1, 0, List.of(listener.address()));
      assertThatThrownBy(() -> listener.join(place, new byte[15], LONG))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("15 bytes");
    }
  }
}
