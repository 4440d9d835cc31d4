package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.kernel.NcclCommunicator;
import io.sparkhawk.executor.kernel.NcclCommunicator.Member;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the ranks of a collective train together; the same on all of them.
 *
 * @param transport how gradients and weights travel
 * @param shards ranks that share the optimizer's state between them: all, or 1 if each has all of
 *     it
 * @param gradientType what gradients are kept and travel in
 */
record Parallelism(Transport transport, int shards, GradientType gradientType) {

  private static final Logger LOG = LoggerFactory.getLogger(Parallelism.class);

  /** One rank. */
  static final Parallelism NONE = new Parallelism(Transport.NONE, 1, GradientType.FLOAT32);

  /** Ways between the ranks. */
  enum Transport {
    /** There is one rank. */
    NONE,
    /** From host memory to host memory. */
    HOST,
    /** Between GPUs through copies in host memory. */
    STAGED,
    /** Between GPUs by NCCL. */
    NCCL
  }

  /**
   * Chooses what is possible: NCCL where all ranks can, and gradients in bfloat16 where they are
   * wanted, models compute in it and no sum of them is taken elsewhere than in the backward pass
   * and by NCCL. Called by all ranks of the collective, which make the same choice.
   *
   * @param type what the models compute in
   * @param oneMicroBatch whether each rank computes its whole share of a step at once
   */
  static Parallelism choose(
      ParallelSettings settings,
      Device device,
      ElementType type,
      boolean oneMicroBatch,
      Collective collective) {
    Transport transport = transport(device, type, collective);
    GradientType gradientType =
        gradientType(settings.gradientType(), type, oneMicroBatch, transport, collective.rank());
    if (transport == Transport.NONE) {
      return new Parallelism(transport, 1, gradientType);
    }
    boolean nccl = transport == Transport.NCCL;
    boolean sharded =
        switch (settings.sharding()) {
          case ON -> true;
          case OFF -> false;
          case WITH_NCCL -> nccl;
        };
    return new Parallelism(transport, sharded ? collective.worldSize() : 1, gradientType);
  }

  private static Transport transport(Device device, ElementType type, Collective collective) {
    if (collective.worldSize() == 1) {
      return Transport.NONE;
    }
    return device.equals(Device.cpu())
        ? Transport.HOST
        : betweenGpus(offers(device, type, collective), collective.rank());
  }

  private static GradientType gradientType(
      GradientType wanted, ElementType type, boolean oneMicroBatch, Transport transport, int rank) {
    if (wanted == GradientType.FLOAT32) {
      return wanted;
    }
    Optional<String> obstacle = obstacle(type, oneMicroBatch, transport);
    if (rank == 0 && obstacle.isPresent()) {
      LOG.warn("Gradients are not kept in bfloat16, but wider: {}.", obstacle.get());
    }
    return obstacle.isPresent() ? GradientType.FLOAT32 : wanted;
  }

  /** Why gradients cannot be kept in bfloat16; empty if they can. */
  private static Optional<String> obstacle(
      ElementType type, boolean oneMicroBatch, Transport transport) {
    if (type != ElementType.BFLOAT16) {
      return Optional.of("the models do not compute in it");
    }
    if (!oneMicroBatch) {
      return Optional.of("those of several micro-batches are added, which takes float32");
    }
    return transport == Transport.HOST || transport == Transport.STAGED
        ? Optional.of("host memory sums in float32")
        : Optional.empty();
  }

  /** Whether each rank has a share of the optimizer's state only. */
  boolean isSharded() {
    return shards > 1;
  }

  /** The share of the state that is this rank's. */
  int shardOf(Collective collective) {
    return isSharded() ? collective.rank() : 0;
  }

  /** What each rank would bring into NCCL; empty for those that cannot use it. */
  private static List<Optional<Member>> offers(
      Device device, ElementType type, Collective collective) {
    Optional<Member> own = Optional.empty();
    if (type.accumulationType() == ElementType.FLOAT32) {
      try (NDManager manager = NDManager.newBaseManager(device, "PyTorch");
          NDArray probe = Operators.zeros(manager, ElementType.FLOAT32, 1)) {
        own = NcclCommunicator.member(probe);
      }
    }
    byte[] offer =
        own.map(member -> member.library() + " " + member.gpu())
            .orElse("")
            .getBytes(StandardCharsets.UTF_8);
    return collective.allGather(offer).stream().map(Parallelism::member).toList();
  }

  private static Optional<Member> member(byte[] offer) {
    String text = new String(offer, StandardCharsets.UTF_8);
    int space = text.indexOf(' ');
    return space < 0
        ? Optional.empty()
        : Optional.of(
            new Member(Integer.parseInt(text.substring(0, space)), text.substring(space + 1)));
  }

  private static Transport betweenGpus(List<Optional<Member>> offers, int rank) {
    Optional<String> obstacle = obstacle(offers);
    if (rank == 0) {
      LOG.info(
          "The gradients of {} GPUs are summed {}.",
          offers.size(),
          obstacle.map(reason -> "through host memory: " + reason).orElse("by NCCL"));
    }
    return obstacle.isPresent() ? Transport.STAGED : Transport.NCCL;
  }

  /** Why these ranks cannot use NCCL together; empty if they can. */
  static Optional<String> obstacle(List<Optional<Member>> offers) {
    Set<Integer> libraries = new HashSet<>();
    Set<String> gpus = new HashSet<>();
    for (int rank = 0; rank < offers.size(); rank++) {
      if (offers.get(rank).isEmpty()) {
        return Optional.of("rank " + rank + " has no NCCL or no float32 gradients");
      }
      Member member = offers.get(rank).get();
      libraries.add(member.library());
      if (!gpus.add(member.gpu())) {
        return Optional.of("rank " + rank + " shares its GPU with another");
      }
    }
    return libraries.size() > 1
        ? Optional.of("the ranks have different versions of NCCL, " + libraries)
        : Optional.empty();
  }
}
