package io.sparkhawk.executor.train;

import io.sparkhawk.executor.checkpoint.BackgroundSaves;
import io.sparkhawk.executor.checkpoint.CheckpointContent;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointSettings;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.tensor.HostCopies;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * When the state of a stage is saved, and how: from a copy, beside training, or while training
 * waits.
 */
final class StageSaves implements AutoCloseable {

  private final CheckpointSettings settings;
  private final long steps;
  private final CheckpointStore store;
  private final Collective collective;
  private final HostCopies copies = new HostCopies();
  private final BackgroundSaves background;

  /**
   * @param steps steps of the stage, after the last of which it is saved whatever the settings say
   */
  StageSaves(
      CheckpointSettings settings, long steps, CheckpointStore store, Collective collective) {
    this.settings = settings;
    this.steps = steps;
    this.store = store;
    this.collective = collective;
    this.background = BackgroundSaves.open(store, settings.keep(), collective, copies::close);
  }

  /** Whether the state after so many steps is saved. */
  boolean isDue(long done) {
    return done == steps || done % settings.everySteps() == 0;
  }

  /**
   * Saves the state if that is due; called by all ranks after each step.
   *
   * @param done steps that were made
   * @param state gives what a checkpoint of this moment holds, read in the given way
   * @return the checkpoints that were published since the last call, the same on all ranks: after
   *     the stage's last step, its end is among them
   */
  List<CheckpointManifest> afterStep(
      long done, Function<HostMemory.Reader, CheckpointContent> state) {
    if (!isDue(done)) {
      return background.poll().stream().toList();
    }
    if (!settings.asynchronous()) {
      return List.of(saveNow(state));
    }
    List<CheckpointManifest> published = new ArrayList<>();
    background.await().ifPresent(published::add); // its copy is overwritten now
    copies.reuse();
    background.start(state.apply(copies::parts));
    if (done == steps) {
      background.await().ifPresent(published::add);
    }
    return published;
  }

  private CheckpointManifest saveNow(Function<HostMemory.Reader, CheckpointContent> state) {
    try (TensorScope scope = TensorScope.open()) {
      CheckpointContent content = state.apply(HostMemory::parts);
      CheckpointManifest published = store.save(content, collective);
      if (collective.rank() == 0) {
        store.prune(content.position().stage(), settings.keep());
      }
      return published;
    }
  }

  /** Gives up a save that has not ended. */
  @Override
  public void close() {
    background.close();
  }
}
