package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDManager;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
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
import java.util.function.LongFunction;
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
  private final Parallelism parallelism;
  private final Schedule schedule;
  private long lastEndNanos = System.nanoTime();
  private long sentBefore;

  /** How long training has stood still since the last step for the sake of checkpoints. */
  private double stalledSeconds;

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
      HeldOut heldOut,
      Parallelism parallelism) {
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
    this.parallelism = parallelism;
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
    String label = plan.stage().name().label();
    CheckpointStore checkpoints =
        CheckpointStore.open(hadoop, plan.runFolder())
            .publishingAfter(position -> listener.checkpointReady(label, position.step()));
    RunModels models = RunModels.forTraining(plan, hadoop, checkpoints);
    RunHashes hashes = RunIdentity.of(plan, hadoop, models.teacherFolder());
    try (Batches batches = Batches.of(plan, rows(plan, hadoop, Split.TRAIN), collective);
        HeldOut heldOut =
            new HeldOut(rows(plan, hadoop, Split.VALIDATION), Optional.empty(), collective)) {
      Parallelism parallelism = models.parallelism(batches.haveOneMicroBatch(), collective);
      models
          .planMemory(batches.largestMicroBatch(), batches.rowLength(), parallelism)
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
                heldOut,
                parallelism)
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
                parallelism.gradientType().of(student.elementType()),
                TrainedParameters.of(student, stage.name(), stage.train(), stage.target()),
                parallelism.shardOf(collective),
                parallelism.shards());
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
      requireAgreement(done);
      try (TokenFeed feed = new TokenFeed(manager, batches.rowLength());
          TrainingStep step =
              new TrainingStep(
                  Objectives.of(stage.name(), stage.target(), teacher, student, stage.recompute()),
                  parameters,
                  optimizer,
                  collective,
                  stage.clipNorm(),
                  parallelism);
          StageSaves saves =
              new StageSaves(plan.checkpoints(), stage.steps(), checkpoints, collective)) {
        listener.trainingStarted(stage.name().label(), done);
        LongFunction<List<CheckpointManifest>> saving =
            steps -> save(saves, steps, state, optimizer, figures);
        sentBefore = collective.sentBytes();
        Optional<RunningStep> before = Optional.empty();
        for (long k = done; k < stage.steps(); k++) {
          RunningStep running = start(step, feed, k);
          before.ifPresent(earlier -> finish(earlier, figures, saving));
          before = Optional.of(running);
          if (running.started().isOver() || saves.isDue(k + 1)) {
            finish(running, figures, saving);
            before = Optional.empty();
          }
        }
        step.awaitWeights();
        noteSent(figures);
      }
      long sent = (long) collective.allReduceSum((double) figures.sentBytes())[0];
      return figures.result(
          stage.name(),
          stage.steps() * stage.batchTokens(),
          heldOutEvaluation(),
          sent / collective.worldSize());
    }
  }

  private void noteSent(StageFigures figures) {
    long now = collective.sentBytes();
    figures.sent(now - sentBefore);
    sentBefore = now;
  }

  /** A process that was believed dead may publish while the ranks look for the newest one. */
  private void requireAgreement(long done) {
    double mean = collective.allReduceSum((double) done)[0] / collective.worldSize();
    if (mean != done) {
      throw new InfrastructureException(
          String.format(
              "Stage %s: rank %d found step %d to be the newest checkpoint and others another one;"
                  + " another process has just published it. Start the same command again.",
              stage.name().label(), collective.rank(), done));
    }
  }

  private StageFigures resume(CheckpointManifest checkpoint, StageState state) {
    checkpoints.requireSameRun(checkpoint, hashes);
    state.restore(checkpoints, checkpoint);
    return StageFigures.resume(stage.steps(), student.blocks().size(), checkpoint.metrics());
  }

  /**
   * A step that was started, and perhaps not finished.
   *
   * @param k its number, counted from 0
   * @param startNanos when this rank began with it
   * @param dataSeconds how long this rank waited for its samples
   */
  private record RunningStep(
      TrainingStep.Started started, long k, long startNanos, double dataSeconds) {}

  private RunningStep start(TrainingStep step, TokenFeed feed, long k) {
    collective.atStep(k + 1);
    long start = System.nanoTime();
    List<int[]> samples = batches.of(k);
    double dataSeconds = (System.nanoTime() - start) / 1e9;
    try (TensorScope scope = TensorScope.open()) {
      TrainingStep.Started started =
          step.start(feed.next(samples), batches.globalSequences(), schedule.learningRate(k));
      return new RunningStep(started, k, start, dataSeconds);
    }
  }

  /** Waits for the end of a step; the steps' times follow one another and do not overlap. */
  private void finish(
      RunningStep running, StageFigures figures, LongFunction<List<CheckpointManifest>> saveAfter) {
    TrainingStep.Outcome outcome = running.started().outcome();
    figures.update(outcome.applied());
    requireProgress(figures.skippedInARow(), running.k());
    long now = System.nanoTime();
    double seconds = (now - Math.max(running.startNanos(), lastEndNanos)) / 1e9;
    StepMetrics metrics = metrics(outcome, running, seconds, figures.skipped());
    figures.step(running.k(), metrics.loss(), seconds);
    noteSent(figures);
    listener.step(metrics.stalled(stalledSeconds)); // before a checkpoint that holds it
    List<CheckpointManifest> published = saveAfter.apply(running.k() + 1);
    lastEndNanos = System.nanoTime();
    stalledSeconds = (lastEndNanos - now) / 1e9;
    tell(published);
  }

  private StepMetrics metrics(
      TrainingStep.Outcome outcome, RunningStep running, double seconds, long skipped) {
    StageLosses losses = StageLosses.of(student, outcome.losses());
    double data = Math.min(running.dataSeconds(), seconds);
    return new StepMetrics(
        stage.name(),
        running.k() + 1,
        stage.steps(),
        (running.k() + 1) * stage.batchTokens(),
        losses.mean(),
        losses.blocks(),
        outcome.gradientNorm(),
        schedule.learningRate(running.k()),
        Math.max(0, seconds - outcome.waitSeconds() - data),
        outcome.waitSeconds(),
        data,
        0,
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

  /** Saves the state after a step if that is due. */
  private List<CheckpointManifest> save(
      StageSaves saves, long done, StageState state, AdamW optimizer, StageFigures figures) {
    CheckpointPosition position =
        new CheckpointPosition(
            stage.name().label(),
            done,
            done == stage.steps(),
            optimizer.updates(),
            batches.cursorAfter(done - 1));
    return saves.afterStep(
        done, memory -> state.content(position, hashes, figures, collective, memory));
  }

  private void tell(List<CheckpointManifest> published) {
    if (collective.rank() == 0) {
      for (CheckpointManifest checkpoint : published) {
        listener.checkpointPublished(
            new PublishedCheckpoint(
                stage.name().label(),
                checkpoint.position().step(),
                checkpoints.location(checkpoint),
                checkpoint.totalBytes()));
      }
    }
  }

  private Evaluation heldOutEvaluation() {
    return heldOut.measure(
        teacher, student, plan.evaluation().betweenStageTokens(), plan.evaluation().distanceRows());
  }
}
