package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.kernel.NcclCommunicator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.concurrent.Future;

/**
 * Sums gradients between the ranks' GPUs by NCCL, beside the computation. They are summed in
 * float32, as they are kept, also where the model computes in bfloat16.
 *
 * <p>The collective brings the ranks together and watches over them: at the end of each step it
 * makes a small sum of its own meanwhile, whose failure names the rank that is missing.
 */
final class NcclSum implements GradientSum {

  /** Only for what the collective does not notice: a GPU that hangs while its process lives. */
  private static final Duration TIMEOUT = Duration.ofMinutes(5);

  private final NDArray gradients;
  private final Collective collective;
  private final NcclCommunicator communicator;
  private final ByteBuffer sign =
      ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());

  private NcclSum(NDArray gradients, Collective collective, NcclCommunicator communicator) {
    this.gradients = gradients;
    this.collective = collective;
    this.communicator = communicator;
  }

  /** Brings the GPUs of all ranks together; called by all of them. */
  static NcclSum join(NDArray gradients, Collective collective) {
    ByteBuffer id = ByteBuffer.allocate(NcclCommunicator.idBytes());
    if (collective.rank() == 0) {
      id.put(0, NcclCommunicator.newId());
    }
    collective.broadcast(id, 0);
    return new NcclSum(
        gradients,
        collective,
        NcclCommunicator.join(
            gradients, id.array(), collective.rank(), collective.worldSize(), TIMEOUT));
  }

  @Override
  public void start(FlatLayout.Range range) {
    communicator.atStep(collective.step());
    if (range.count() > 0) {
      communicator.startSum(gradients, range.first(), range.count());
    }
  }

  @Override
  public double await() {
    Future<?> everyone = collective.startAllReduceSum(sign);
    double seconds =
        communicator.await(
            () -> {
              if (everyone.isDone()) {
                Sums.await(everyone);
              }
            });
    Sums.await(everyone);
    return seconds;
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
