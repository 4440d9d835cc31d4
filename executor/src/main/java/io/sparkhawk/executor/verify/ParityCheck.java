package io.sparkhawk.executor.verify;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.Objective;
import io.sparkhawk.executor.stage.Objectives;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.AdamW;
import io.sparkhawk.executor.train.FlatLayout;
import io.sparkhawk.executor.train.FlatParameters;
import io.sparkhawk.executor.train.Trajectory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Runs a case of parity vectors through the code that trains: streamed teacher, chunked scan and
 * matrix form, the losses of all stages and their gradients, and AdamW with clipping. Nothing is
 * known of a case beforehand: what it holds is compared, what it lacks is listed.
 */
public final class ParityCheck {

  private final ReferenceCase reference;
  private final Device device;
  private final ElementType type;
  private final Tolerances tolerances;
  private final StudentConfig config;
  private final List<Comparison> comparisons = new ArrayList<>();
  private final List<String> notCompared = new ArrayList<>();
  private final Set<String> compared = new HashSet<>();

  private ParityCheck(
      ReferenceCase reference, Device device, ElementType type, Tolerances tolerances) {
    this.reference = reference;
    this.device = device;
    this.type = type;
    this.tolerances = tolerances;
    this.config = StudentConfig.read(reference.student());
  }

  /**
   * Compares everything that the case holds.
   *
   * @throws io.sparkhawk.data.error.DataException if the folder is no case
   */
  public static ParityReport run(
      Path folder, Device device, ElementType type, Tolerances tolerances) {
    try (ReferenceCase reference = ReferenceCase.open(folder);
        Gradients paused = Gradients.pause()) {
      ParityCheck check = new ParityCheck(reference, device, type, tolerances);
      check.compareForwardPasses();
      check.compareStage(StageKind.MATRIX, HiddenTarget.MIXER, "stage1");
      check.compareStage(StageKind.HIDDEN, HiddenTarget.MIXER, "stage2_mixer");
      check.compareStage(StageKind.HIDDEN, HiddenTarget.BLOCK, "stage2_block");
      check.compareStage(StageKind.DISTILL, HiddenTarget.MIXER, "stage3");
      check.compareInvariants();
      check.compareTrajectory();
      check.noteUnknownTensors();
      return new ParityReport(check.comparisons, check.notCompared);
    }
  }

  private void compareForwardPasses() {
    try (LanguageModel teacher = Models.loadTeacher(reference.teacher(), device, type);
        LanguageModel student = student(config);
        TensorScope scope = TensorScope.open()) {
      requireSameBlocks(teacher, student);
      NDArray ids = ids(teacher, "input_ids");
      NDArray hidden = teacher.embed(ids);
      for (int i = 0; i < teacher.blocks().size(); i++) {
        compare("teacher.hidden." + i, hidden);
        Block block = teacher.blocks().get(i);
        Block studentBlock = student.blocks().get(i);
        compare("student.matrix." + i, studentBlock.mixer().matrix(studentBlock.normalise(hidden)));
        compare(
            "student.mixer_out." + i, studentBlock.mixer().forward(studentBlock.normalise(hidden)));
        NDArray u = block.normalise(hidden);
        Block.MatrixAndOutput attention = block.attend(u);
        compare("teacher.attention." + i, attention.matrix());
        compare("teacher.mixer_out." + i, attention.output());
        compare("teacher.mixer_out." + i, block.mixer().forward(u));
        hidden = block.join(hidden, u, attention.output());
      }
      compare("teacher.hidden." + teacher.blocks().size(), hidden);
      compare("teacher.logits", teacher.head().forward(teacher.finalNorm().forward(hidden)));
      compareStudent(student, ids);
    }
  }

  private LanguageModel student(StudentConfig form) {
    return Models.loadStudent(reference.student(), form, device, type);
  }

  private static void requireSameBlocks(LanguageModel teacher, LanguageModel student) {
    if (teacher.blocks().size() != student.blocks().size()
        || teacher.width() != student.width()
        || teacher.vocabulary() != student.vocabulary()) {
      throw new DataException(
          String.format(
              "teacher and student of the case do not belong together: %d and %d blocks, width %d"
                  + " and %d, vocabulary %d and %d",
              teacher.blocks().size(),
              student.blocks().size(),
              teacher.width(),
              student.width(),
              teacher.vocabulary(),
              student.vocabulary()));
    }
  }

  private void compareStudent(LanguageModel student, NDArray ids) {
    NDArray hidden = student.embed(ids);
    for (int i = 0; i < student.blocks().size(); i++) {
      compare("student.hidden." + i, hidden);
      hidden = student.blocks().get(i).forward(hidden);
    }
    compare("student.hidden." + student.blocks().size(), hidden);
    compare("student.logits", student.head().forward(student.finalNorm().forward(hidden)));
  }

  /** Losses and gradients of one stage, all weights trained that its loss reaches. */
  private void compareStage(StageKind stage, HiddenTarget target, String name) {
    String prefix = name + ".grad.";
    List<String> tensors = namesFrom(prefix);
    if (tensors.isEmpty()) {
      notCompared.add(prefix + "*: not in the case");
    }
    if (!reference.json().hasNonNull(name)) {
      notCompared.add(name + ": no losses in the case");
    }
    if (tensors.isEmpty() && !reference.json().hasNonNull(name)) {
      return;
    }
    Pass pass = pass(config, stage, target, false);
    compareLosses(name, pass.losses);
    for (String tensor : tensors) {
      compare(tensor, pass.gradient(tensor.substring(prefix.length())));
    }
  }

  /** What one pass over the case's tokens gives. */
  private static final class Pass {

    private final double[] losses; // one for each block, or one
    private final double[] gradients; // flat, in the order of the layout
    private final FlatLayout layout;

    Pass(double[] losses, double[] gradients, FlatLayout layout) {
      this.losses = losses;
      this.gradients = gradients;
      this.layout = layout;
    }

    /** One parameter's gradient; empty if the parameter is not trained. */
    double[] gradient(String name) {
      return slice(gradients, layout, name);
    }
  }

  private Pass pass(StudentConfig form, StageKind stage, HiddenTarget target, boolean recompute) {
    try (LanguageModel teacher = Models.loadTeacher(reference.teacher(), device, type);
        LanguageModel student = student(form);
        FlatParameters parameters =
            FlatParameters.of(
                student.manager(),
                type,
                TrainedParameters.of(student, stage, TrainedParts.ALL, target));
        TensorScope scope = TensorScope.open()) {
      Objective objective = Objectives.of(stage, target, teacher, student, recompute);
      objective.accumulate(ids(teacher, "input_ids"), 1, segment -> {});
      return new Pass(
          objective.losses().read(),
          Operators.toDoubles(parameters.gradients()),
          parameters.layout());
    }
  }

  /** What must not depend on how it is computed: chunk sizes, and blocks computed twice. */
  private void compareInvariants() {
    Pass usual = pass(config, StageKind.DISTILL, HiddenTarget.MIXER, false);
    compareSame("recompute", usual, pass(config, StageKind.DISTILL, HiddenTarget.MIXER, true));
    int length = (int) reference.shape("input_ids")[1];
    for (int size : otherChunkSizes(length)) {
      StudentConfig form = config.withChunkSize(size);
      compareSame(
          "chunk-size " + size, usual, pass(form, StageKind.DISTILL, HiddenTarget.MIXER, false));
    }
  }

  /** One position, a size that does not divide the length, and all of it at once. */
  private SortedSet<Integer> otherChunkSizes(int length) {
    int ragged = 2;
    while (ragged < length && length % ragged == 0) {
      ragged++;
    }
    SortedSet<Integer> sizes = new TreeSet<>(List.of(1, ragged, length));
    sizes.remove(config.chunkSize());
    return sizes;
  }

  private void compareSame(String what, Pass usual, Pass other) {
    compareNumber(
        "stage3.loss with " + what, other.losses[0], usual.losses[0], tolerances.values());
    comparisons.add(
        Comparison.of(
            "stage3.grad with " + what,
            "(" + usual.gradients.length + ")",
            other.gradients,
            usual.gradients,
            tolerances.values()));
  }

  private void compareLosses(String name, double[] losses) {
    JsonNode expected = reference.json().path(name);
    for (int i = 0; i < losses.length; i++) {
      JsonNode value = expected.isArray() ? expected.path(i) : expected;
      if (value.isNumber()) {
        String quantity = name + ".loss" + (expected.isArray() ? "." + i : "");
        compareNumber(quantity, losses[i], value.asDouble(), tolerances.values());
      }
    }
  }

  private void compareTrajectory() {
    JsonNode steps = reference.json().path("trajectory");
    if (steps.isEmpty()) {
      notCompared.add("trajectory: not in the case");
      return;
    }
    if (type == ElementType.BFLOAT16) {
      notCompared.add("trajectory: training needs float32 or float64, weights are kept in these");
      compared.addAll(namesFrom("trajectory.final."));
      return;
    }
    try (LanguageModel teacher = Models.loadTeacher(reference.teacher(), device, type);
        LanguageModel student = student(config);
        Trajectory trajectory = Trajectory.start(teacher, student, settings());
        TensorScope scope = TensorScope.open()) {
      for (int k = 0; k < steps.size(); k++) {
        JsonNode step = steps.path(k);
        NDArray ids = ids(teacher, "trajectory.ids." + k);
        Trajectory.Step ours = trajectory.step(ids, step.path("lr").asDouble());
        String name = "trajectory." + k;
        double tolerance = tolerances.trajectory();
        compareNumber(
            name + ".loss", ours.losses().get(0), step.path("loss").asDouble(), tolerance);
        compareNumber(
            name + ".grad_norm", ours.gradientNorm(), step.path("grad_norm").asDouble(), tolerance);
      }
      compareFinalWeights(trajectory.parameters());
    }
  }

  /** The recipe's, unless the case has others. */
  private AdamW.Hyperparameters hyperparameters() {
    JsonNode optimizer = reference.json().path("optimizer");
    return new AdamW.Hyperparameters(
        optimizer.at("/betas/0").asDouble(0.9),
        optimizer.at("/betas/1").asDouble(0.95),
        optimizer.path("eps").asDouble(1e-8),
        optimizer.path("weight_decay").asDouble(0.1));
  }

  private Trajectory.Settings settings() {
    return new Trajectory.Settings(
        StageKind.DISTILL,
        HiddenTarget.MIXER,
        TrainedParts.ALL,
        false,
        hyperparameters(),
        clipNorm());
  }

  private double clipNorm() {
    return reference.json().path("optimizer").path("clip_norm").asDouble(1);
  }

  private void compareFinalWeights(FlatParameters parameters) {
    double[] values = Operators.toDoubles(parameters.values());
    String prefix = "trajectory.final.";
    for (String tensor : namesFrom(prefix)) {
      double[] ours = slice(values, parameters.layout(), tensor.substring(prefix.length()));
      IntPredicate determined = determined(tensor);
      compared.add(tensor);
      comparisons.add(
          Comparison.of(
              tensor,
              shape(tensor),
              only(determined, ours),
              only(determined, reference.values(tensor)),
              tolerances.trajectory()));
    }
  }

  /**
   * Which elements of a weight have a trajectory that can be compared. A key bias adds the same to
   * all scores of a query where the head is not rotated, and softmax ignores that: the gradient
   * there is rounding error, which AdamW scales to steps of full size.
   */
  private IntPredicate determined(String tensor) {
    if (!tensor.endsWith("self_attn.k_proj.bias")) {
      return element -> true;
    }
    PhiConfig config = PhiConfig.read(reference.teacher());
    return element -> element % config.headSize() < config.rotaryDimensions();
  }

  private static double[] only(IntPredicate kept, double[] values) {
    return IntStream.range(0, values.length).filter(kept).mapToDouble(i -> values[i]).toArray();
  }

  private NDArray ids(LanguageModel model, String name) {
    compared.add(name);
    return model
        .manager()
        .create(reference.ids(name, model.vocabulary()), new Shape(reference.shape(name)));
  }

  /** One parameter's elements of a flat buffer; none if the parameter is not trained. */
  private static double[] slice(double[] flat, FlatLayout layout, String name) {
    Map<String, FlatLayout.Range> ranges = layout.parameters();
    if (!ranges.containsKey(name)) {
      return new double[0];
    }
    FlatLayout.Range range = ranges.get(name);
    return Arrays.copyOfRange(flat, (int) range.first(), (int) (range.first() + range.count()));
  }

  private void compare(String quantity, NDArray ours) {
    if (!reference.has(quantity)) {
      notCompared.add(quantity + ": not in the case");
    } else if (Arrays.equals(ours.getShape().getShape(), reference.shape(quantity))) {
      compare(quantity, Operators.toDoubles(ours));
    } else {
      compared.add(quantity);
      comparisons.add(
          Comparison.ofOtherShape(
              quantity, shape(quantity) + " and ours " + ours.getShape(), tolerances.values()));
    }
  }

  private void compare(String quantity, double[] ours) {
    compared.add(quantity);
    comparisons.add(
        Comparison.of(
            quantity, shape(quantity), ours, reference.values(quantity), tolerances.values()));
  }

  private List<String> namesFrom(String prefix) {
    return reference.names().stream().filter(name -> name.startsWith(prefix)).toList();
  }

  private void noteUnknownTensors() {
    reference.names().stream()
        .filter(name -> !compared.contains(name) && !name.startsWith("trajectory.ids."))
        .forEach(name -> notCompared.add(name + ": this program knows no such quantity"));
  }

  private String shape(String quantity) {
    return Arrays.stream(reference.shape(quantity))
        .mapToObj(String::valueOf)
        .collect(Collectors.joining(", ", "(", ")"));
  }

  private void compareNumber(String quantity, double ours, double expected, double tolerance) {
    comparisons.add(
        Comparison.of(quantity, "()", new double[] {ours}, new double[] {expected}, tolerance));
  }
}
