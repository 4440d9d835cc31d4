package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.kernel.DeviceEvent;
import io.sparkhawk.executor.kernel.PinnedMemory;
import io.sparkhawk.executor.kernel.UpdatePlan;
import io.sparkhawk.executor.stage.LossSum;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Updates that a GPU makes without the host's knowing the gradient's norm: norm, clipping and
 * whether the update is made at all are decided there, and what came of it is read when the next
 * step is queued already.
 */
final class QueuedUpdates implements AutoCloseable {

  /** Only for a GPU that hangs; ranks that are missing are noticed by the collective. */
  private static final Duration TIMEOUT = Duration.ofMinutes(10);

  /** Steps whose outcome may be unread. */
  private static final int SLOTS = 2;

  private final LossSum losses;
  private final FlatParameters parameters;
  private final AdamW optimizer;
  private final Exchange exchange;
  private final boolean sharded;
  private final double clipNorm;
  private final Consumer<Shard.Share> shareUpdated;
  private final List<PinnedMemory> slots = new ArrayList<>();
  private long started;
  private long read;

  QueuedUpdates(
      LossSum losses,
      FlatParameters parameters,
      AdamW optimizer,
      Exchange exchange,
      Parallelism parallelism,
      double clipNorm,
      Consumer<Shard.Share> shareUpdated) {
    this.losses = losses;
    this.parameters = parameters;
    this.optimizer = optimizer;
    this.exchange = exchange;
    this.sharded = parallelism.isSharded();
    this.clipNorm = clipNorm;
    this.shareUpdated = shareUpdated;
    for (int i = 0; i < SLOTS; i++) {
      slots.add(
          PinnedMemory.beside(
              parameters.computed(), UpdatePlan.bytes() + (long) Float.BYTES * losses.count()));
    }
  }

  /** Queues the update with the gradients whose computation is queued. */
  TrainingStep.Started update(double learningRate) {
    if (started - read == SLOTS) {
      throw new IllegalStateException(SLOTS + " steps are started and their outcome is not read");
    }
    try (TensorScope scope = TensorScope.open()) {
      Exchange.Sums sums = exchange.useSums();
      int count = losses.count();
      NDArray squares =
          Operators.convert(Operators.reshape(parameters.sumOfSquares(), 1), ElementType.FLOAT32);
      NDArray figures = Operators.concatenate(List.of(losses.sums(), squares), 0);
      exchange.sumFigures(figures, sharded ? count + 1 : count);
      UpdatePlan plan =
          optimizer.queueUpdate(parameters, learningRate, clipNorm, figures, shareUpdated);
      PinnedMemory slot = slots.get((int) (started++ % SLOTS));
      slot.copyFrom(plan, 0);
      slot.copyFrom(figures, UpdatePlan.bytes(), (long) Float.BYTES * count);
      return new Queued(slot, DeviceEvent.now(figures), sums);
    }
  }

  /** A step of which the device may not have reached the end. */
  private final class Queued implements TrainingStep.Started {

    private final PinnedMemory slot;
    private final DeviceEvent end;
    private final Exchange.Sums sums;

    Queued(PinnedMemory slot, DeviceEvent end, Exchange.Sums sums) {
      this.slot = slot;
      this.end = end;
      this.sums = sums;
    }

    @Override
    public boolean isOver() {
      return false;
    }

    @Override
    public TrainingStep.Outcome outcome() {
      try (end) {
        end.await(TIMEOUT, sums::check, "a training step");
      }
      double waited = sums.finish();
      UpdatePlan.Decision decision = slot.decision(0);
      optimizer.decided(decision);
      read++;
      return new TrainingStep.Outcome(losses(), decision.norm(), decision.made(), waited);
    }

    private List<Double> losses() {
      ByteBuffer bytes = slot.bytes();
      List<Double> values = new ArrayList<>();
      for (int i = 0; i < losses.count(); i++) {
        values.add((double) bytes.getFloat(UpdatePlan.bytes() + i * Float.BYTES));
      }
      return values;
    }
  }

  @Override
  public void close() {
    slots.forEach(PinnedMemory::close);
  }
}
