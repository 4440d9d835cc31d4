package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.sample.Split;
import io.sparkhawk.data.sample.TokenRows;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointPosition;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.checkpoint.RunHashes;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.stage.Objectives;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.tensor.Threads;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;

/**
 * One rank's training of one stage, from the end of the stage before it, or from the stage's newest
 * checkpoint, to its published end. Runs on one thread.
 */
public final class StageTrainer {

  /** Updates in a row that may be left out because their loss or gradient is not finite. */
  private static final int MAX_SKIPPED = 10;

  private final TrainingPlan plan;
  private final StageSettings stage;
  private final RunModels models;
  private final Collective collective;
  private final TrainingListener listener;
  private final CheckpointStore checkpoints;
  private final RunHashes hashes;
  private final LanguageModel teacher;
  private final LanguageModel student;
  private final Batches batches;
  private final HeldOut heldOut;
  private final Schedule schedule;

  private StageTrainer(
      TrainingPlan plan,
      RunModels models,
      Collective collective,
      TrainingListener listener,
      CheckpointStore checkpoints,
      RunHashes hashes,
      LanguageModel teacher,
      LanguageModel student,
      Batches batches,
      HeldOut heldOut) {
    this.plan = plan;
    this.stage = plan.stage();
    this.models = models;
    this.collective = collective;
    this.listener = listener;
    this.checkpoints = checkpoints;
    this.hashes = hashes;
    this.teacher = teacher;
    this.student = student;
    this.batches = batches;
    this.heldOut = heldOut;
    this.schedule = Schedule.of(stage);
  }

  /**
   * Trains the plan's stage; called by all ranks of the collective, each with the same plan.
   *
   * @return the stage's figures, the same on all ranks
   * @throws io.sparkhawk.data.error.SparkhawkException if it cannot go on; what was published stays
   */
  public static StageResult train(
      TrainingPlan plan, Collective collective, TrainingListener listener) {
    Threads.limit(plan.threadsPerWorker());
    Configuration hadoop = plan.hadoopConfiguration();
    CheckpointStore checkpoints = CheckpointStore.open(hadoop, plan.runFolder());
    RunModels models = RunModels.forTraining(plan, hadoop, checkpoints);
    RunHashes hashes = RunIdentity.of(plan, hadoop, models.teacherFolder());
    try (Batches batches = Batches.of(plan, rows(plan, hadoop, Split.TRAIN), collective);
        HeldOut heldOut = new HeldOut(rows(plan, hadoop, Split.VALIDATION), collective)) {
      models
          .planMemory(batches.largestMicroBatch(), batches.rowLength())
          .ifPresent(memory -> listener.memoryPlanned(memory.plan().total(), memory.available()));
      try (LanguageModel teacher = models.teacher();
          LanguageModel student = models.student(teacher, plan.stageIndex());
          Gradients paused = Gradients.pause()) {
        return new StageTrainer(
                plan,
                models,
                collective,
                listener,
                checkpoints,
                hashes,
                teacher,
                student,
                batches,
                heldOut)
            .run();
      }
    }
  }

  private static TokenRows rows(TrainingPlan plan, Configuration hadoop, Split split) {
    return TokenRows.open(
        hadoop, plan.dataFolder(), split, Path.of(plan.localCache()), plan.localCacheBytes());
  }

  private StageResult run() {
    NDManager manager = student.manager();
    Evaluation untrained = heldOutEvaluation(); // before the buffers, whose gradients it needs not
    try (FlatParameters parameters =
            FlatParameters.of(
                manager,
                student.elementType().accumulationType(),
                TrainedParameters.of(student, stage.name(), stage.train(), stage.target()));
        AdamW optimizer = new AdamW(manager, parameters, stage.adamW())) {
      if (parameters.isRounded()) {
        models.putBackExactly(student, parameters, plan.stageIndex());
      }
      StageState state = new StageState(parameters, optimizer);
      Optional<CheckpointManifest> newest = checkpoints.newest(stage.name().label());
      StageFigures figures =
          newest
              .map(checkpoint -> resume(checkpoint, state))
              .orElseGet(() -> StageFigures.start(stage.steps(), untrained));
      long done = newest.map(checkpoint -> checkpoint.position().step()).orElse(0L);
      try (TrainingStep step =
          new TrainingStep(
              Objectives.of(stage.name(), stage.target(), teacher, student, stage.recompute()),
              parameters,
              optimizer,
              collective,
              stage.clipNorm())) {
        listener.trainingStarted(stage.name().label(), done);
        for (long k = done; k < stage.steps(); k++) {
          train(step, k, figures);
          saveIfDue(k + 1, state, optimizer, figures);
        }
      }
      return figures.result(stage.name(), stage.steps() * stage.batchTokens(), heldOutEvaluation());
    }
  }

  private StageFigures resume(CheckpointManifest checkpoint, StageState state) {
    checkpoints.requireSameRun(checkpoint, hashes);
    state.restore(checkpoints, checkpoint);
    return StageFigures.resume(stage.steps(), student.blocks().size(), checkpoint.metrics());
  }

  private void train(TrainingStep step, long k, StageFigures figures) {
    collective.atStep(k + 1);
    long start = System.nanoTime();
    List<int[]> samples = batches.of(k);
    double dataSeconds = (System.nanoTime() - start) / 1e9;
    TrainingStep.Outcome outcome;
    try (TensorScope scope = TensorScope.open()) {
      List<NDArray> ids = samples.stream().map(this::tensor).toList();
      outcome = step.run(ids, batches.globalSequences(), schedule.learningRate(k));
    }
    figures.update(outcome.applied());
    requireProgress(figures.skippedInARow(), k);
    double seconds = (System.nanoTime() - start) / 1e9;
    StepMetrics metrics = metrics(outcome, k, dataSeconds, seconds, figures.skipped());
    figures.step(k, metrics.loss(), seconds);
    listener.step(metrics);
  }

  private NDArray tensor(int[] ids) {
    int length = batches.rowLength();
    return student.manager().create(ids, new Shape(ids.length / length, length));
  }

  private StepMetrics metrics(
      TrainingStep.Outcome outcome, long k, double dataSeconds, double seconds, long skipped) {
    StageLosses losses = StageLosses.of(student, outcome.losses());
    return new StepMetrics(
        stage.name(),
        k + 1,
        stage.steps(),
        (k + 1) * stage.batchTokens(),
        losses.mean(),
        losses.blocks(),
        outcome.gradientNorm(),
        schedule.learningRate(k),
        outcome.computeSeconds(),
        outcome.waitSeconds(),
        dataSeconds,
        seconds,
        skipped);
  }

  /** A step whose loss or gradient is not finite is left out, but not many in a row. */
  private void requireProgress(long skippedInARow, long k) {
    if (skippedInARow > MAX_SKIPPED) {
      long first = k + 1 - skippedInARow;
      throw new DataException(
          String.format(
              "stage %s: the loss or the gradient was not finite in %d steps, %d to %d, none of"
                  + " which was applied. Step %d had the %s. Lower learning-rate or set clip-norm,"
                  + " and look at the loss in metrics.jsonl and at these rows.",
              stage.name().label(),
              skippedInARow,
              first + 1,
              k + 1,
              first + 1,
              StepSamples.of(plan).describe(first)));
    }
  }

  private void saveIfDue(long done, StageState state, AdamW optimizer, StageFigures figures) {
    boolean complete = done == stage.steps();
    if (!complete && done % plan.checkpoints().everySteps() != 0) {
      return;
    }
    CheckpointPosition position =
        new CheckpointPosition(
            stage.name().label(),
            done,
            complete,
            optimizer.updates(),
            batches.cursorAfter(done - 1));
    CheckpointManifest saved;
    try (TensorScope scope = TensorScope.open()) {
      saved = checkpoints.save(state.content(position, hashes, figures, collective), collective);
    }
    if (collective.rank() == 0) {
      checkpoints.prune(stage.name().label(), plan.checkpoints().keep());
      listener.checkpointPublished(stage.name().label(), done, checkpoints.location(saved));
    }
  }

  private Evaluation heldOutEvaluation() {
    return heldOut.measure(
        teacher, student, plan.evaluation().betweenStageTokens(), plan.evaluation().distanceRows());
  }
}
