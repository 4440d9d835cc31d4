package io.sparkhawk.executor.verify;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.PhiConfig;
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
import io.sparkhawk.executor.train.FlatLayout;
import io.sparkhawk.executor.train.FlatParameters;
import io.sparkhawk.executor.train.Trajectory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Runs a case of parity vectors through the code that trains: streamed teacher, chunked scan and
 * matrix form, the losses of all stages and their gradients, and AdamW with clipping.
 */
public final class ParityCheck {

  private final ReferenceCase reference;
  private final Device device;
  private final ElementType type;
  private final Tolerances tolerances;
  private final List<Comparison> comparisons = new ArrayList<>();

  private ParityCheck(
      ReferenceCase reference, Device device, ElementType type, Tolerances tolerances) {
    this.reference = reference;
    this.device = device;
    this.type = type;
    this.tolerances = tolerances;
  }

  /**
   * Compares everything that the case holds.
   *
   * @throws io.sparkhawk.data.error.DataException if the folder is no case
   */
  public static List<Comparison> run(
      Path folder, Device device, ElementType type, Tolerances tolerances) {
    try (ReferenceCase reference = ReferenceCase.open(folder);
        Gradients paused = Gradients.pause()) {
      ParityCheck check = new ParityCheck(reference, device, type, tolerances);
      check.compareForwardPasses();
      check.compareStage(StageKind.MATRIX, HiddenTarget.MIXER, "stage1");
      check.compareStage(StageKind.HIDDEN, HiddenTarget.MIXER, "stage2_mixer");
      check.compareStage(StageKind.HIDDEN, HiddenTarget.BLOCK, "stage2_block");
      check.compareStage(StageKind.DISTILL, HiddenTarget.MIXER, "stage3");
      check.compareTrajectory();
      return List.copyOf(check.comparisons);
    }
  }

  private void compareForwardPasses() {
    try (LanguageModel teacher = Models.loadTeacher(reference.teacher(), device, type);
        LanguageModel student = Models.loadStudent(reference.student(), device, type);
        TensorScope scope = TensorScope.open()) {
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
    try (LanguageModel teacher = Models.loadTeacher(reference.teacher(), device, type);
        LanguageModel student = Models.loadStudent(reference.student(), device, type);
        FlatParameters parameters =
            FlatParameters.of(
                student.manager(),
                type,
                TrainedParameters.of(student, stage, TrainedParts.ALL, target));
        TensorScope scope = TensorScope.open()) {
      Objective objective = Objectives.of(stage, target, teacher, student, false);
      objective.accumulate(ids(teacher, "input_ids"), 1, segment -> {});
      compareLosses(name, objective.losses().read());
      double[] gradients = Operators.toDoubles(parameters.gradients());
      String prefix = name + ".grad.";
      for (String tensor : reference.names()) {
        if (tensor.startsWith(prefix)) {
          compare(tensor, slice(gradients, parameters, tensor.substring(prefix.length())));
        }
      }
    }
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
      return;
    }
    try (LanguageModel teacher = Models.loadTeacher(reference.teacher(), device, type);
        LanguageModel student = Models.loadStudent(reference.student(), device, type);
        Trajectory trajectory = Trajectory.start(teacher, student);
        TensorScope scope = TensorScope.open()) {
      for (int k = 0; k < steps.size(); k++) {
        JsonNode step = steps.path(k);
        NDArray ids = ids(teacher, "trajectory.ids." + k);
        Trajectory.Step ours = trajectory.step(ids, step.path("lr").asDouble());
        String name = "trajectory." + k;
        double tolerance = tolerances.trajectory();
        compareNumber(name + ".loss", ours.loss(), step.path("loss").asDouble(), tolerance);
        compareNumber(
            name + ".grad_norm", ours.gradientNorm(), step.path("grad_norm").asDouble(), tolerance);
      }
      compareFinalWeights(trajectory.parameters());
    }
  }

  private void compareFinalWeights(FlatParameters parameters) {
    double[] values = Operators.toDoubles(parameters.values());
    String prefix = "trajectory.final.";
    for (String tensor : reference.names()) {
      if (tensor.startsWith(prefix)) {
        double[] ours = slice(values, parameters, tensor.substring(prefix.length()));
        IntPredicate determined = determined(tensor);
        comparisons.add(
            Comparison.of(
                tensor,
                shape(tensor),
                only(determined, ours),
                only(determined, reference.values(tensor)),
                tolerances.trajectory()));
      }
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
    return model.manager().create(reference.integers(name), new Shape(reference.shape(name)));
  }

  /** One parameter's elements of a flat buffer; none if the parameter is not trained. */
  private static double[] slice(double[] flat, FlatParameters parameters, String name) {
    Map<String, FlatLayout.Range> ranges = parameters.layout().parameters();
    if (!ranges.containsKey(name)) {
      return new double[0];
    }
    FlatLayout.Range range = ranges.get(name);
    return Arrays.copyOfRange(flat, (int) range.first(), (int) (range.first() + range.count()));
  }

  private void compare(String quantity, NDArray ours) {
    if (reference.has(quantity)) {
      compare(quantity, Operators.toDoubles(ours));
    }
  }

  private void compare(String quantity, double[] ours) {
    comparisons.add(
        Comparison.of(
            quantity, shape(quantity), ours, reference.values(quantity), tolerances.values()));
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
