package io.sparkhawk.executor.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * Measures updates of one stage on random weights and tokens, alone or together with the other
 * ranks of a collective, which each have a device of their own and make the same calls.
 */
public final class StageBenchmark {

  private static final double LEARNING_RATE = 1e-4;
  private static final int PART_REPEATS = 3;

  /**
   * What is measured.
   *
   * @param batch sequences of an update on each rank
   * @param length positions of a sequence
   * @param parallel how the ranks share the work of an update
   * @param warmup updates before those that count
   * @param steps updates that count
   */
  public record Settings(
      PhiConfig teacher,
      StudentSettings student,
      Trajectory.Settings training,
      Device device,
      ElementType type,
      int batch,
      int length,
      ParallelSettings parallel,
      int warmup,
      int steps) {}

  /**
   * What was measured.
   *
   * @param stepSeconds of the updates that count, sorted
   * @param ranks devices that trained together
   * @param transport how their gradients were summed
   * @param gradientType what they were kept and summed in
   * @param shards ranks that shared the optimizer's state between them
   * @param tokens of an update on each rank
   * @param modelFlops floating-point operations of the matrix products that an update needs on each
   *     rank
   * @param peakBytes memory of the device in use afterwards, which libtorch does not give back; 0
   *     on a CPU
   * @param waitSeconds median over the updates of the time in which this rank waited for others and
   *     computed nothing
   * @param exchange what the ranks send each other in an update, measured alone; empty for one rank
   * @param partSeconds median seconds of each part when it runs alone; idle is what a step takes
   *     longer than all of them and the waiting together
   * @param loss mean over the losses of the last update
   * @param planned what was predicted of the memory; empty on a CPU
   */
  public record Result(
      int ranks,
      String transport,
      GradientType gradientType,
      int shards,
      List<Double> stepSeconds,
      long tokens,
      double modelFlops,
      long peakBytes,
      double waitSeconds,
      Optional<ExchangeAlone> exchange,
      Map<String, Double> partSeconds,
      double loss,
      Optional<PlannedMemory> planned) {

    /** Tokens of one device per second. */
    public double tokensPerSecond() {
      return tokens / median(stepSeconds);
    }
  }

  /**
   * The exchange of gradients and weights with nothing computed beside it.
   *
   * @param bytes that each rank sends, as a ring counts them
   * @param seconds median of some exchanges
   */
  public record ExchangeAlone(double bytes, double seconds) {

    /** What nccl-tests call the bus bandwidth. */
    public double bytesPerSecond() {
      return bytes / seconds;
    }
  }

  private final Settings settings;
  private final Collective collective;
  private final LanguageModel teacher;
  private final LanguageModel student;
  private final Optional<PlannedMemory> planned;
  private final Parallelism parallelism;

  private StageBenchmark(
      Settings settings,
      Collective collective,
      LanguageModel teacher,
      LanguageModel student,
      Optional<PlannedMemory> planned,
      Parallelism parallelism) {
    this.planned = planned;
    this.parallelism = parallelism;
    this.settings = settings;
    this.collective = collective;
    this.teacher = teacher;
    this.student = student;
  }

  /** Builds the models and measures; called by all ranks of the collective. */
  public static Result run(Settings settings, Collective collective) {
    StudentConfig config = StudentConfig.of(settings.teacher, settings.student);
    Parallelism parallelism =
        Parallelism.choose(settings.parallel, settings.device, settings.type, true, collective);
    Optional<PlannedMemory> planned =
        PlannedMemory.on(settings.device, workload(settings, config).with(parallelism));
    try (Gradients paused = Gradients.pause();
        LanguageModel teacher =
            Models.randomTeacher(settings.teacher, settings.device, settings.type);
        LanguageModel student = Models.newStudent(teacher, config, 1, false)) {
      return new StageBenchmark(settings, collective, teacher, student, planned, parallelism)
          .measure();
    }
  }

  private static MemoryPlan.Workload workload(Settings settings, StudentConfig student) {
    return new MemoryPlan.Workload(
        settings.teacher,
        student,
        settings.training.stage(),
        settings.training.target(),
        settings.training.parts(),
        settings.training.recompute(),
        settings.batch,
        settings.length,
        settings.type,
        true);
  }

  private Result measure() {
    try (Trajectory trajectory =
            Trajectory.start(teacher, student, settings.training, collective, parallelism);
        TensorScope scope = TensorScope.open()) {
      NDArray ids = tokens();
      List<Double> seconds = new ArrayList<>();
      List<Double> waits = new ArrayList<>();
      double loss = Double.NaN;
      TrainingStep.Started before = trajectory.start(ids, LEARNING_RATE);
      long end = System.nanoTime();
      for (int i = 1; i <= settings.warmup + settings.steps; i++) {
        TrainingStep.Started next = trajectory.start(ids, LEARNING_RATE);
        TrainingStep.Outcome outcome = before.outcome(); // while the next one is queued
        long now = System.nanoTime();
        if (i > settings.warmup) {
          seconds.add((now - end) / 1e9);
          waits.add(outcome.waitSeconds());
          loss = mean(outcome.losses());
        }
        end = now;
        before = next;
      }
      before.outcome();
      seconds.sort(null);
      waits.sort(null);
      return new Result(
          collective.worldSize(),
          trajectory.transport(),
          parallelism.gradientType(),
          parallelism.shards(),
          List.copyOf(seconds),
          (long) settings.batch * settings.length,
          new ModelFlops(
                      settings.teacher,
                      StudentConfig.of(settings.teacher, settings.student),
                      settings.length)
                  .perToken(settings.training.stage())
              * settings.batch
              * settings.length,
          Kernels.usedMemory(ids),
          median(waits),
          exchange(trajectory),
          parts(trajectory, ids, median(seconds), median(waits)),
          loss,
          planned);
    }
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
  }

  private NDArray tokens() {
    Random random = new Random(1 + collective.rank());
    int[] ids = new int[settings.batch * settings.length];
    Arrays.setAll(ids, i -> random.nextInt(settings.teacher.vocabulary()));
    return student.manager().create(ids, new Shape(settings.batch, settings.length));
  }

  private Optional<ExchangeAlone> exchange(Trajectory trajectory) {
    if (collective.worldSize() == 1) {
      return Optional.empty();
    }
    double bytes = trajectory.exchangeAlone(); // connections are made for it
    return Optional.of(new ExchangeAlone(bytes, time(trajectory::exchangeAlone)));
  }

  private Map<String, Double> parts(
      Trajectory trajectory, NDArray ids, double stepSeconds, double waitSeconds) {
    Map<String, Double> parts = new LinkedHashMap<>();
    double teacherSeconds = time(() -> teacher.hidden(ids));
    double forwardSeconds = time(() -> trajectory.measure(ids));
    double gradientSeconds = time(() -> trajectory.gradients(ids));
    parts.put("teacher", teacherSeconds);
    parts.put("student forward", forwardSeconds - teacherSeconds);
    parts.put("backward", gradientSeconds - forwardSeconds);
    parts.put("optimizer", time(() -> trajectory.update(LEARNING_RATE)));
    parts.put("data", time(this::tokens));
    double known = parts.values().stream().mapToDouble(Double::doubleValue).sum() + waitSeconds;
    parts.put("idle", Math.max(0, stepSeconds - known));
    return parts;
  }

  private double time(Runnable part) {
    List<Double> seconds = new ArrayList<>();
    for (int i = 0; i < PART_REPEATS; i++) {
      synchronise();
      long start = System.nanoTime();
      try (TensorScope scope = TensorScope.open()) {
        part.run();
      }
      synchronise();
      seconds.add((System.nanoTime() - start) / 1e9);
    }
    seconds.sort(null);
    return median(seconds);
  }

  /** Reading a number waits for all that was queued before. */
  private void synchronise() {
    try (TensorScope scope = TensorScope.open()) {
      Operators.item(Operators.zeros(student.manager(), ElementType.FLOAT32, 1));
    }
  }

  private static double median(List<Double> sorted) {
    return sorted.get(sorted.size() / 2);
  }
}
