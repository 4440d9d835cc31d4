package io.sparkhawk.executor.train;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The memory of a GPU that a stage needs at its peak, part by part, known before anything is
 * allocated. It follows from the sizes and settings alone.
 *
 * @param bytes of each part; a part that is 0 is not there
 */
public record MemoryPlan(Map<Part, Long> bytes) {

  /** CUDA's context, the libraries' kernels and the workspaces of their matrix products. */
  private static final long LIBRARIES = 720L << 20;

  /** What libtorch's allocator holds in pieces that do not fit, as a share of what it gives out. */
  private static final double FRAGMENTS = 0.03;

  private static final double GIB = 1L << 30;

  /** What memory is needed for. */
  public enum Part {
    /** The teacher's weights. */
    TEACHER("teacher weights"),
    /** The student's weights that it computes with, trained or not. */
    STUDENT("student weights"),
    /**
     * The weights that this GPU updates in the accumulation type, where the student computes in
     * another.
     */
    MASTER("master weights"),
    /** The gradients of the trained weights. */
    GRADIENTS("gradients"),
    /** AdamW's two moments of the weights that this GPU updates. */
    MOMENTS("optimizer moments"),
    /** Hidden states, and what stage 3's blocks keep for their backward passes. */
    ACTIVATIONS("activations kept"),
    /** Beside what is kept: stage 3's loss, if that is when memory is at its peak. */
    HEAD_LOSS("head loss"),
    /** Beside what is kept: the block in work, if that is when memory is at its peak. */
    BLOCK("block in work"),
    /** What libtorch's allocator holds without using it. It gives back what it can. */
    CACHED("held by the allocator"),
    /** What CUDA and its libraries take for themselves. */
    LIBRARIES("CUDA and libraries");

    private final String label;

    Part(String label) {
      this.label = label;
    }

    /** The name in tables and files. */
    public String label() {
      return label;
    }
  }

  /**
   * What is planned for.
   *
   * @param sequences of a micro-batch
   * @param length positions of a sequence
   * @param type what the models compute in
   * @param kernels whether our kernels run on the GPU in this type
   * @param parallelism how it is shared with other GPUs
   */
  public record Workload(
      PhiConfig teacher,
      StudentConfig student,
      StageKind stage,
      HiddenTarget target,
      TrainedParts parts,
      boolean recompute,
      int sequences,
      int length,
      ElementType type,
      boolean kernels,
      Parallelism parallelism) {

    /** On one GPU alone. */
    Workload(
        PhiConfig teacher,
        StudentConfig student,
        StageKind stage,
        HiddenTarget target,
        TrainedParts parts,
        boolean recompute,
        int sequences,
        int length,
        ElementType type,
        boolean kernels) {
      this(
          teacher,
          student,
          stage,
          target,
          parts,
          recompute,
          sequences,
          length,
          type,
          kernels,
          Parallelism.NONE);
    }

    Workload with(Parallelism others) {
      return new Workload(
          teacher, student, stage, target, parts, recompute, sequences, length, type, kernels,
          others);
    }

    private Workload with(int otherSequences, boolean otherRecompute) {
      return new Workload(
          teacher,
          student,
          stage,
          target,
          parts,
          otherRecompute,
          otherSequences,
          length,
          type,
          kernels,
          parallelism);
    }

    Workload withKernels(boolean there) {
      return new Workload(
          teacher,
          student,
          stage,
          target,
          parts,
          recompute,
          sequences,
          length,
          type,
          there,
          parallelism);
    }
  }

  public MemoryPlan {
    bytes = Collections.unmodifiableMap(new EnumMap<>(bytes));
  }

  /** The plan of a workload. */
  public static MemoryPlan of(Workload work) {
    PassBytes passes = new PassBytes(work);
    Map<Part, Long> bytes = new EnumMap<>(Part.class);
    long element = work.type().bytes();
    long wide = work.type().accumulationType().bytes();
    boolean rounded = element != wide;
    long trained = WeightCounts.trained(work.student(), work.stage(), work.parts(), work.target());
    long updated = (trained + work.parallelism().shards() - 1) / work.parallelism().shards();
    long gradient = work.parallelism().gradientType().of(work.type()).bytes();
    long head = passes.headLoss();
    long block = passes.block();
    bytes.put(Part.TEACHER, element * WeightCounts.of(work.teacher()));
    bytes.put(Part.STUDENT, element * WeightCounts.of(work.student()));
    bytes.put(Part.MASTER, rounded ? wide * updated : 0);
    bytes.put(Part.GRADIENTS, gradient * trained);
    bytes.put(Part.MOMENTS, 2 * wide * updated);
    bytes.put(Part.ACTIVATIONS, passes.kept());
    bytes.put(Part.HEAD_LOSS, head > block ? head : 0);
    bytes.put(Part.BLOCK, head > block ? 0 : block);
    bytes.put(Part.CACHED, Math.round(FRAGMENTS * sum(bytes)));
    bytes.put(Part.LIBRARIES, LIBRARIES);
    bytes.values().removeIf(value -> value == 0);
    return new MemoryPlan(bytes);
  }

  private static long sum(Map<Part, Long> bytes) {
    return bytes.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Bytes of all parts. */
  public long total() {
    return sum(bytes);
  }

  /** Bytes of the parts that cannot be done without. */
  public long needed() {
    return total() - bytes.getOrDefault(Part.CACHED, 0L);
  }

  /**
   * The plan of a workload on a GPU that must have the memory.
   *
   * @param available bytes that this process may take, with what CUDA has taken for it
   * @throws ConfigurationException if it cannot fit; the message names settings that would
   */
  public static MemoryPlan fitting(Workload work, long available) {
    MemoryPlan plan = of(work);
    if (plan.needed() > available) {
      throw new ConfigurationException(
          String.format(
              Locale.ROOT,
              "stage %s needs %.1f GiB of GPU memory for micro-batches of %d x %d tokens in %s, but"
                  + " only %.1f GiB are there; %s",
              work.stage().label(),
              plan.needed() / GIB,
              work.sequences(),
              work.length(),
              work.type().name().toLowerCase(Locale.ROOT),
              available / GIB,
              advice(work, available)));
    }
    return plan;
  }

  /** What would make a workload fit. */
  static String advice(Workload work, long available) {
    List<String> ways = new ArrayList<>();
    for (boolean recompute :
        work.recompute() ? new boolean[] {true} : new boolean[] {false, true}) {
      boolean helps = recompute == work.recompute() || work.stage() == StageKind.DISTILL;
      int fits = helps ? largest(work, recompute, available) : 0;
      if (fits > 0) {
        String batch = fits < work.sequences() ? "micro-batches of " + fits : "";
        String again = recompute && !work.recompute() ? "recompute" : "";
        long total = of(work.with(fits, recompute)).total();
        ways.add(
            List.of(batch, again).stream()
                    .filter(s -> !s.isEmpty())
                    .collect(Collectors.joining(" with "))
                + String.format(Locale.ROOT, " (%.1f GiB)", total / GIB));
      }
    }
    return ways.isEmpty()
        ? "not even one sequence fits, so take a GPU with more memory, shorter sequences or train"
            + " mixers alone"
        : "what fits: " + String.join(", or ", ways);
  }

  /** The most sequences, up to those of the workload, that fit; 0 if none do. */
  private static int largest(Workload work, boolean recompute, long available) {
    int sequences = work.sequences();
    while (sequences > 0 && of(work.with(sequences, recompute)).total() > available) {
      sequences--;
    }
    return sequences;
  }
}
