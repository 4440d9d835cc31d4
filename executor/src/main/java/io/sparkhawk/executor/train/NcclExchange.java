package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.kernel.NcclCommunicator;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

/**
 * Exchanges gradients and weights between the ranks' GPUs by NCCL, beside the computation.
 * Gradients are summed as they are kept, or rounded to bfloat16 in a buffer of their own; weights
 * travel as the model computes with them.
 *
 * <p>The collective brings the ranks together and watches over them: while this rank waits for the
 * end of a step's sums it makes a small sum of its own, whose failure names the rank that is
 * missing.
 */
final class NcclExchange implements Exchange {

  /** Only for what the collective does not notice: a GPU that hangs while its process lives. */
  private static final Duration TIMEOUT = Duration.ofMinutes(5);

  private final FlatParameters parameters;
  private final Collective collective;
  private final NcclCommunicator communicator;
  private final Parallelism parallelism;
  private final NDManager manager;
  private final NDArray summed; // the gradients themselves where they are not rounded
  private final List<FlatLayout.Range> rounded = new ArrayList<>();
  private boolean gathering;
  private final ByteBuffer sign =
      ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());

  private NcclExchange(
      Parallelism parallelism,
      FlatParameters parameters,
      Collective collective,
      NcclCommunicator communicator) {
    NDArray gradients = parameters.gradients();
    this.parallelism = parallelism;
    this.parameters = parameters;
    this.collective = collective;
    this.communicator = communicator;
    this.manager = gradients.getManager().newSubManager();
    this.summed =
        parallelism.gradientType() == GradientType.FLOAT32
            ? gradients
            : TensorScope.detach(Operators.zeros(manager, ElementType.BFLOAT16, gradients.size()));
  }

  /** Brings the GPUs of all ranks together; called by all of them. */
  static NcclExchange join(
      Parallelism parallelism, FlatParameters parameters, Collective collective) {
    ByteBuffer id = ByteBuffer.allocate(NcclCommunicator.idBytes());
    if (collective.rank() == 0) {
      id.put(0, NcclCommunicator.newId());
    }
    collective.broadcast(id, 0);
    return new NcclExchange(
        parallelism,
        parameters,
        collective,
        NcclCommunicator.join(
            parameters.gradients(),
            id.array(),
            collective.rank(),
            collective.worldSize(),
            TIMEOUT));
  }

  @Override
  public void startSum(FlatLayout.Range segment) {
    communicator.atStep(collective.step());
    if (segment.count() == 0) {
      return;
    }
    if (isRounded()) {
      copy(parameters.gradients(), summed, segment);
      rounded.add(parallelism.isSharded() ? own(segment) : segment);
    }
    if (parallelism.isSharded()) {
      communicator.startReduceScatter(summed, segment.first(), segment.count());
    } else {
      communicator.startSum(summed, segment.first(), segment.count());
    }
  }

  private boolean isRounded() {
    return summed != parameters.gradients();
  }

  private FlatLayout.Range own(FlatLayout.Range segment) {
    return segment.share(collective.rank(), collective.worldSize());
  }

  private static void copy(NDArray from, NDArray to, FlatLayout.Range range) {
    try (TensorScope scope = TensorScope.open()) {
      Operators.copy(FlatParameters.narrow(from, range), FlatParameters.narrow(to, range));
    }
  }

  @Override
  public double awaitSums() {
    double seconds = await();
    rounded.forEach(range -> copy(summed, parameters.gradients(), range));
    rounded.clear();
    return seconds;
  }

  @Override
  public boolean isQueued() {
    return true;
  }

  @Override
  public Sums useSums() {
    Future<?> everyone =
        collective.startAllReduceSum(
            ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder()));
    NcclCommunicator.Waiting waiting = communicator.letLibtorchWait();
    rounded.forEach(range -> copy(summed, parameters.gradients(), range));
    rounded.clear();
    return new Sums() {
      @Override
      public void check() {
        communicator.check();
        if (everyone.isDone()) {
          Transfers.await(everyone);
        }
      }

      @Override
      public double finish() {
        Transfers.await(everyone);
        return waiting.finish();
      }
    };
  }

  @Override
  public void sumFigures(NDArray figures, long count) {
    communicator.startSum(figures, 0, count);
    communicator.letLibtorchWait().discard();
  }

  private double await() {
    Future<?> everyone = collective.startAllReduceSum(sign);
    double seconds =
        communicator.await(
            () -> {
              if (everyone.isDone()) {
                Transfers.await(everyone);
              }
            });
    Transfers.await(everyone);
    gathering = false;
    return seconds;
  }

  @Override
  public void startGather(FlatLayout.Range segment) {
    if (segment.count() > 0) {
      communicator.startAllGather(parameters.computed(), segment.first(), segment.count());
      gathering = true;
    }
  }

  @Override
  public double useGathered() {
    if (gathering) {
      communicator.letLibtorchWait().discard();
    }
    return 0;
  }

  @Override
  public void awaitGathered() {
    if (gathering) {
      await();
    }
  }

  @Override
  public String description() {
    return "by NCCL between the GPUs";
  }

  @Override
  public void close() {
    communicator.close();
    manager.close();
  }
}
