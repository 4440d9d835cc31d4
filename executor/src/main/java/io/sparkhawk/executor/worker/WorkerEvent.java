package io.sparkhawk.executor.worker;

import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.Serializable;
import java.util.Objects;

/** What a worker tells the driver about its work while it goes on. */
public sealed interface WorkerEvent extends Serializable {

  /** What a stage is predicted to need, in bytes, of the memory of the worker's GPU. */
  record MemoryPlanned(long needed, long available) implements WorkerEvent {}

  /** The stage's training begins, or goes on, after {@code done} steps. */
  record TrainingStarted(String stage, long done) implements WorkerEvent {
    public TrainingStarted {
      Objects.requireNonNull(stage, "stage");
    }
  }

  /** A step was made on all ranks. */
  record StepDone(StepMetrics metrics) implements WorkerEvent {
    public StepDone {
      Objects.requireNonNull(metrics, "metrics");
    }
  }

  /** A checkpoint became visible. */
  record CheckpointPublished(PublishedCheckpoint checkpoint) implements WorkerEvent {
    public CheckpointPublished {
      Objects.requireNonNull(checkpoint, "checkpoint");
    }
  }
}
