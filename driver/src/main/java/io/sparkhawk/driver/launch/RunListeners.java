package io.sparkhawk.driver.launch;

import io.sparkhawk.driver.coordinator.RankHeartbeat;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.PublishedCheckpoint;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StageSettings;
import io.sparkhawk.executor.train.StepMetrics;
import java.util.List;
import java.util.Optional;

/** Tells several listeners of a run, one after the other. */
public record RunListeners(List<RunListener> listeners) implements RunListener {

  public RunListeners {
    listeners = List.copyOf(listeners);
  }

  @Override
  public void memoryPlanned(long needed, long available) {
    listeners.forEach(listener -> listener.memoryPlanned(needed, available));
  }

  @Override
  public void trainingStarted(String stage, long done) {
    listeners.forEach(listener -> listener.trainingStarted(stage, done));
  }

  @Override
  public void step(StepMetrics metrics) {
    listeners.forEach(listener -> listener.step(metrics));
  }

  @Override
  public void checkpointReady(String stage, long step) {
    listeners.forEach(listener -> listener.checkpointReady(stage, step));
  }

  @Override
  public void checkpointPublished(PublishedCheckpoint checkpoint) {
    listeners.forEach(listener -> listener.checkpointPublished(checkpoint));
  }

  @Override
  public void runEvent(RunEvent event) {
    listeners.forEach(listener -> listener.runEvent(event));
  }

  @Override
  public void rankHeard(RankHeartbeat heartbeat) {
    listeners.forEach(listener -> listener.rankHeard(heartbeat));
  }

  @Override
  public void teacherEvaluated(Evaluation teacher) {
    listeners.forEach(listener -> listener.teacherEvaluated(teacher));
  }

  @Override
  public void stageStarted(StageSettings stage, int number, int stages) {
    listeners.forEach(listener -> listener.stageStarted(stage, number, stages));
  }

  @Override
  public void stageSkipped(StageResult result) {
    listeners.forEach(listener -> listener.stageSkipped(result));
  }

  @Override
  public void stageEnded(StageResult result) {
    listeners.forEach(listener -> listener.stageEnded(result));
  }

  @Override
  public void studentEvaluated(Evaluation student) {
    listeners.forEach(listener -> listener.studentEvaluated(student));
  }

  @Override
  public void comparisonFailed(RuntimeException failure) {
    listeners.forEach(listener -> listener.comparisonFailed(failure));
  }

  @Override
  public void runEnded(Optional<RuntimeException> failure) {
    listeners.forEach(listener -> listener.runEnded(failure));
  }
}
