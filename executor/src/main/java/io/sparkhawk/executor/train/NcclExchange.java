package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.kernel.NcclCommunicator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.concurrent.Future;

/**
 * Exchanges gradients and weights between the ranks' GPUs by NCCL, beside the computation.
 * Gradients are summed as they are kept; weights travel as the model computes with them.
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
  private boolean gathering;
  private final ByteBuffer sign =
      ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());

  private NcclExchange(
      Parallelism parallelism,
      FlatParameters parameters,
      Collective collective,
      NcclCommunicator communicator) {
    this.parallelism = parallelism;
    this.parameters = parameters;
    this.collective = collective;
    this.communicator = communicator;
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
    NDArray gradients = parameters.gradients();
    if (parallelism.isSharded()) {
      communicator.startReduceScatter(gradients, segment.first(), segment.count());
    } else {
      communicator.startSum(gradients, segment.first(), segment.count());
    }
  }

  @Override
  public double awaitSums() {
    return await();
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
  }
}
