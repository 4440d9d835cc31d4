package io.sparkhawk.driver.coordinator;

import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.executor.worker.CoordinatorMessage;
import io.sparkhawk.executor.worker.CoordinatorMessage.Failed;
import io.sparkhawk.executor.worker.CoordinatorMessage.Finished;
import io.sparkhawk.executor.worker.CoordinatorMessage.Heartbeat;
import io.sparkhawk.executor.worker.CoordinatorMessage.Join;
import io.sparkhawk.executor.worker.CoordinatorReply;
import io.sparkhawk.executor.worker.GenerationId;
import io.sparkhawk.executor.worker.Place;
import io.sparkhawk.executor.worker.WorkerEvent;
import io.sparkhawk.executor.worker.WorkerFailure;
import io.sparkhawk.executor.worker.WorkerTimeouts;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The state of one generation: who has joined, who is alive, and why it failed.
 *
 * <pre>
 * GATHERING --all ranks joined--> RUNNING --all ranks finished--> ENDED
 *     |                              |
 *     +----- any failure ------------+--------------------------> ENDED, with a failure
 * </pre>
 *
 * <p>Of several failures the first one that is a cause counts. A worker's infrastructure failure
 * may be the echo of another's (its peer is gone), so it counts only until something better is
 * known.
 *
 * <p>Thread-safe; no method blocks. Time comes from the given clock, and passes only in {@link
 * #checkTime}.
 */
final class Generation {

  /** What is known of one rank. */
  private static final class Member {
    final String executorId;
    final String address;
    Instant lastHeard;
    long nextEvent;
    long lastStep;
    boolean training;
    boolean finished;

    Member(Join join, Instant now) {
      this.executorId = join.executorId();
      this.address = join.address();
      this.lastHeard = now;
    }
  }

  private final GenerationId id;
  private final long number;
  private final int worldSize;
  private final byte[] secret;
  private final WorkerTimeouts timeouts;
  private final InstantSource clock;
  private final Consumer<WorkerEvent> events;
  private final Consumer<PaceChange> paces;
  private final Consumer<RankHeartbeat> heartbeats;
  private final Stragglers stragglers;
  private final Instant opened;

  private final Map<Integer, Member> members = new TreeMap<>();
  private WorkerFailure cause;
  private WorkerFailure possibleEcho;
  private long publishable = -1;

  /**
   * Opens a generation that waits for its workers.
   *
   * @param number larger than that of every earlier generation
   * @param secret what the workers prove to each other that they know
   * @param stragglerFactor by how much a rank that is called a straggler is slower than the median
   * @param events gets rank 0's events, each once and in order, on the thread of {@link #handle}
   * @param paces hears of stragglers, on the same thread
   * @param heartbeats hears of each rank's heartbeat, on the same thread
   */
  Generation(
      GenerationId id,
      long number,
      int worldSize,
      byte[] secret,
      WorkerTimeouts timeouts,
      InstantSource clock,
      double stragglerFactor,
      Consumer<WorkerEvent> events,
      Consumer<PaceChange> paces,
      Consumer<RankHeartbeat> heartbeats) {
    this.id = id;
    this.number = number;
    this.worldSize = worldSize;
    this.secret = secret.clone();
    this.timeouts = timeouts;
    this.clock = clock;
    this.events = events;
    this.paces = paces;
    this.heartbeats = heartbeats;
    this.stragglers = new Stragglers(worldSize, stragglerFactor);
    this.opened = clock.instant();
  }

  GenerationId id() {
    return id;
  }

  /** Why the generation failed, as far as is known now; empty while it goes well. */
  synchronized Optional<WorkerFailure> failure() {
    return Optional.ofNullable(cause != null ? cause : possibleEcho);
  }

  /** Whether {@link #failure} will not change any more. */
  synchronized boolean causeIsKnown() {
    return cause != null;
  }

  /** The step that the ranks are in, counted from 1; empty as long as none has begun to train. */
  synchronized OptionalLong step() {
    return members.values().stream()
        .filter(member -> member.training)
        .mapToLong(member -> member.lastStep + 1)
        .max();
  }

  /** Answers a worker of this generation. */
  synchronized CoordinatorReply handle(CoordinatorMessage message) {
    if (message.rank() < 0 || message.rank() >= worldSize) {
      return new CoordinatorReply.Stop(
          "Rank " + message.rank() + " does not exist among " + worldSize + " workers.");
    }
    if (message instanceof Join join) {
      return join(join);
    }
    Member member = members.get(message.rank());
    if (member != null) {
      member.lastHeard = clock.instant();
    }
    if (message instanceof Failed failed) {
      failed(failed);
    } else if (message instanceof Finished && member != null) {
      member.finished = true;
    } else if (message instanceof Heartbeat heartbeat && member != null) {
      receive(heartbeat, member);
    }
    return stopOr(new CoordinatorReply.Continue(publishable));
  }

  /**
   * Notes that Spark lost an executor. It matters if one of the ranks ran there, and as long as
   * ranks are missing: then one of them was to run there.
   */
  synchronized void executorLost(String executorId, String reason) {
    members.forEach(
        (rank, member) -> {
          if (member.executorId.equals(executorId) && !member.finished) {
            blame(
                WorkerFailure.lost(
                    "%s was lost in %s: %s."
                        .formatted(describe(rank, member), progress(member), reason)));
          }
        });
    if (members.size() < worldSize) {
      blame(
          WorkerFailure.lost(
              "Executor %s was lost before all workers of %s had come: %s."
                  .formatted(executorId, id.work(), reason)));
    }
  }

  /** Lets rank 0 publish its checkpoint of that step, unless the generation fails before. */
  synchronized void permitCheckpoint(long step) {
    publishable = step;
  }

  /** Ends the generation with a failure that the driver saw. */
  synchronized void abort(WorkerFailure failure) {
    blame(failure);
  }

  /** Ends the generation if a worker did not come in time or has been silent for too long. */
  synchronized void checkTime() {
    Instant now = clock.instant();
    if (members.size() < worldSize) {
      if (longerThan(timeouts.gathering(), opened, now)) {
        blame(WorkerFailure.lost(describeMissing()));
      }
      return;
    }
    members.forEach(
        (rank, member) -> {
          if (!member.finished && longerThan(timeouts.silence(), member.lastHeard, now)) {
            blame(
                WorkerFailure.lost(
                    describe(rank, member)
                        + " has not been heard of for "
                        + timeouts.silence().toSeconds()
                        + " s in "
                        + progress(member)
                        + "."));
          }
        });
  }

  private CoordinatorReply join(Join join) {
    if (join.worldSize() != worldSize) {
      return new CoordinatorReply.Stop(
          "Rank %d expects %d workers, but %s has %d."
              .formatted(join.rank(), join.worldSize(), id.work(), worldSize));
    }
    Member member = members.computeIfAbsent(join.rank(), rank -> new Member(join, clock.instant()));
    if (!member.address.equals(join.address())) {
      return new CoordinatorReply.Stop(
          "Rank %d of %s is taken by %s; %s is another."
              .formatted(join.rank(), id.work(), member.address, join.address()));
    }
    member.lastHeard = clock.instant();
    if (members.size() < worldSize) {
      return stopOr(new CoordinatorReply.NotYet(members.size(), worldSize));
    }
    List<String> peers = members.values().stream().map(peer -> peer.address).toList();
    return stopOr(new CoordinatorReply.Placed(new Place(id, number, join.rank(), peers, secret)));
  }

  private void receive(Heartbeat heartbeat, Member member) {
    List<StepMetrics> steps = new ArrayList<>();
    long next = heartbeat.firstEvent();
    for (WorkerEvent event : heartbeat.events()) {
      if (next++ < member.nextEvent) {
        continue; // The answer to an earlier heartbeat was lost; this event is known.
      }
      member.nextEvent = next;
      if (event instanceof WorkerEvent.TrainingStarted started) {
        member.training = true;
        member.lastStep = started.done();
      } else if (event instanceof WorkerEvent.StepDone done) {
        member.training = true;
        member.lastStep = done.metrics().step();
        steps.add(done.metrics());
        watchPace(heartbeat.rank(), member, done.metrics());
      }
      if (heartbeat.rank() == 0) {
        events.accept(event);
      }
    }
    heartbeats.accept(
        new RankHeartbeat(
            id.work(),
            worldSize,
            heartbeat.rank(),
            member.executorId,
            member.address,
            member.lastHeard,
            steps));
  }

  private void watchPace(int rank, Member member, StepMetrics step) {
    stragglers
        .step(rank, step.computeSeconds())
        .ifPresent(
            verdict ->
                paces.accept(
                    new PaceChange(
                        verdict.slow(),
                        rank,
                        describe(rank, member),
                        step.step(),
                        verdict.seconds(),
                        verdict.medianSeconds())));
  }

  private void failed(Failed failed) {
    if (failed.failure().kind() != WorkerFailure.Kind.INFRASTRUCTURE) {
      blame(failed.failure());
    } else if (possibleEcho == null) {
      possibleEcho = failed.failure();
    }
  }

  private void blame(WorkerFailure failure) {
    if (cause == null) {
      cause = failure;
    }
  }

  private CoordinatorReply stopOr(CoordinatorReply reply) {
    return failure()
        .<CoordinatorReply>map(failure -> new CoordinatorReply.Stop(failure.message()))
        .orElse(reply);
  }

  private String describe(int rank, Member member) {
    return "Executor %s (rank %d on %s)".formatted(member.executorId, rank, member.address);
  }

  private String progress(Member member) {
    return id.work() + (member.lastStep == 0 ? " before step 1" : " after step " + member.lastStep);
  }

  private String describeMissing() {
    String missing =
        IntStream.range(0, worldSize)
            .filter(rank -> !members.containsKey(rank))
            .mapToObj(Integer::toString)
            .collect(Collectors.joining(", "));
    return "Only %d of %d workers came for %s within %d s; missing: rank %s."
        .formatted(members.size(), worldSize, id.work(), timeouts.gathering().toSeconds(), missing);
  }

  private static boolean longerThan(Duration limit, Instant since, Instant now) {
    return Duration.between(since, now).compareTo(limit) > 0;
  }
}
