package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.kernel.NcclCommunicator;
import io.sparkhawk.executor.kernel.NcclCommunicator.Member;
import io.sparkhawk.executor.tensor.ElementType;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses how the ranks' gradients are summed. */
final class GradientSums {

  private static final Logger LOG = LoggerFactory.getLogger(GradientSums.class);

  private GradientSums() {}

  /**
   * The way to sum these gradients: by NCCL where all ranks can, in host memory otherwise. Called
   * by all ranks of the collective, which make the same choice.
   */
  static GradientSum of(NDArray gradients, Collective collective) {
    if (collective.worldSize() == 1) {
      return new SingleRankSum();
    }
    if (gradients.getDevice().equals(Device.cpu())) {
      return new HostSum(gradients, collective);
    }
    Optional<String> obstacle = obstacle(offers(gradients, collective));
    if (collective.rank() == 0) {
      LOG.info(
          "The gradients of {} GPUs are summed {}.",
          collective.worldSize(),
          obstacle.map(reason -> "through host memory: " + reason).orElse("by NCCL"));
    }
    return obstacle.isPresent()
        ? new StagedSum(gradients, collective)
        : NcclSum.join(gradients, collective);
  }

  /** What each rank would bring into NCCL; empty for those that cannot use it. */
  private static List<Optional<Member>> offers(NDArray gradients, Collective collective) {
    Optional<Member> own =
        ElementType.of(gradients) == ElementType.FLOAT32
            ? NcclCommunicator.member(gradients)
            : Optional.empty();
    byte[] offer =
        own.map(member -> member.library() + " " + member.gpu())
            .orElse("")
            .getBytes(StandardCharsets.UTF_8);
    return collective.allGather(offer).stream().map(GradientSums::member).toList();
  }

  private static Optional<Member> member(byte[] offer) {
    String text = new String(offer, StandardCharsets.UTF_8);
    int space = text.indexOf(' ');
    return space < 0
        ? Optional.empty()
        : Optional.of(
            new Member(Integer.parseInt(text.substring(0, space)), text.substring(space + 1)));
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
