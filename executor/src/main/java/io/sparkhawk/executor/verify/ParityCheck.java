package io.sparkhawk.executor.verify;

import ai.djl.Device;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * Runs a case of parity vectors through the code that trains: streamed teacher, chunked scan and
 * matrix form, the losses of all stages and their gradients, and AdamW with clipping. Nothing is
 * known of a case beforehand: what it holds is compared, what it lacks is listed.
 */
public final class ParityCheck {

  private final ReferenceCase reference;
  private final CaseRun run;
  private final ElementType type;
  private final Tolerances tolerances;
  private final List<Comparison> comparisons = new ArrayList<>();
  private final Set<String> notCompared = new LinkedHashSet<>();
  private final Set<String> compared = new HashSet<>();

  private ParityCheck(
      ReferenceCase reference, Device device, ElementType type, Tolerances tolerances) {
    this.reference = reference;
    this.run = new CaseRun(reference, device, type, model -> {}, this::compare);
    this.type = type;
    this.tolerances = tolerances;
  }

  /**
   * Compares everything that the case holds.
   *
   * @param type what to compute in
   * @param tolerance largest relative error that passes, for every quantity; by the type if empty
   * @throws io.sparkhawk.data.error.DataException if the folder is no case
   */
  public static ParityReport run(
      Path folder, Device device, ElementType type, OptionalDouble tolerance) {
    try (ReferenceCase reference = ReferenceCase.open(folder);
        Gradients paused = Gradients.pause()) {
      Tolerances tolerances =
          tolerance.isPresent()
              ? Tolerances.all(tolerance.getAsDouble())
              : byType(type, reference, device);
      ParityCheck check = new ParityCheck(reference, device, type, tolerances);
      check.run.run();
      check.compareInvariants();
      check.compareTrajectory();
      check.settleTheRest();
      return new ParityReport(check.comparisons, List.copyOf(check.notCompared));
    }
  }

  private static Tolerances byType(ElementType type, ReferenceCase reference, Device device) {
    return switch (type) {
      case FLOAT64 -> Tolerances.float64();
      case FLOAT32 -> Tolerances.float32();
      case BFLOAT16 -> Sensitivity.measure(reference, device);
    };
  }

  private void compare(Quantity ours) {
    String name = ours.name();
    if (reference.has(name)) {
      compared.add(name);
      comparisons.add(
          Comparison.of(
              determined(ours), determined(reference.expected(name)), tolerances.of(name)));
    } else if (!reference.leavesOut(name)) {
      notCompared.add(withoutSiblings(name) + ": not in the case");
    }
  }

  /** One name for all gradients of a stage, or all weights, if the case has none of them. */
  private String withoutSiblings(String name) {
    int family = name.indexOf(".backbone.");
    String prefix = family < 0 ? name : name.substring(0, family + 1);
    return family < 0 || reference.hasAny(prefix) ? name : prefix + "*";
  }

  /**
   * A weight after updates without the elements that may end anywhere. A key bias adds the same to
   * all scores of a query where the head is not rotated, and softmax ignores that: the gradient
   * there is rounding error, which AdamW scales to steps of full size.
   */
  private Quantity determined(Quantity quantity) {
    if (!quantity.name().startsWith(ReferenceCase.FINAL)
        || !quantity.name().endsWith("self_attn.k_proj.bias")) {
      return quantity;
    }
    PhiConfig config = reference.teacherConfig();
    double[] kept =
        IntStream.range(0, quantity.values().length)
            .filter(element -> element % config.headSize() < config.rotaryDimensions())
            .mapToDouble(element -> quantity.values()[element])
            .toArray();
    return new Quantity(quantity.name(), quantity.shape(), kept);
  }

  /** What must not depend on how it is computed: chunk sizes, and blocks computed twice. */
  private void compareInvariants() {
    StudentConfig config = reference.studentConfig();
    CaseRun.StagePass usual = run.distill(config, false);
    compareSame("recompute", usual, run.distill(config, true));
    for (int size : otherChunkSizes(config, (int) reference.shape(ReferenceCase.INPUT_IDS)[1])) {
      compareSame("chunk-size " + size, usual, run.distill(config.withChunkSize(size), false));
    }
  }

  /** One position, a size that does not divide the length, and all of it at once. */
  private static SortedSet<Integer> otherChunkSizes(StudentConfig config, int length) {
    int ragged = 2;
    while (ragged < length && length % ragged == 0) {
      ragged++;
    }
    SortedSet<Integer> sizes = new TreeSet<>(List.of(1, ragged, length));
    sizes.remove(config.chunkSize());
    return sizes;
  }

  private void compareSame(String what, CaseRun.StagePass usual, CaseRun.StagePass other) {
    compareSame("stage3.loss with " + what, usual.losses(), other.losses());
    compareSame("stage3.grad with " + what, usual.gradients(), other.gradients());
  }

  private void compareSame(String name, double[] usual, double[] other) {
    Shape shape = new Shape(usual.length);
    comparisons.add(
        Comparison.of(
            new Quantity(name, shape, other),
            new Quantity(name, shape, usual),
            tolerances.of(name)));
  }

  private void compareTrajectory() {
    if (reference.learningRates().isEmpty()) {
      leaveOutTrajectory("not in the case");
    } else if (type == ElementType.BFLOAT16) {
      leaveOutTrajectory(
          "in bfloat16 AdamW makes full steps of the rounding errors of small gradients");
    } else {
      run.trajectory();
    }
  }

  private void leaveOutTrajectory(String reason) {
    notCompared.add("trajectory: " + reason);
    reference.names().stream().filter(n -> n.startsWith("trajectory.")).forEach(compared::add);
  }

  /** What the case expects and this program has not computed: no weight of the student, or new. */
  private void settleTheRest() {
    for (String name : reference.names()) {
      if (!compared.contains(name)) {
        if (name.contains(".grad.") || name.startsWith(ReferenceCase.FINAL)) {
          String shape = reference.expected(name).shapeText() + ", ours none";
          comparisons.add(Comparison.impossible(name, shape, tolerances.of(name)));
        } else {
          notCompared.add(name + ": this program knows no such quantity");
        }
      }
    }
  }
}
