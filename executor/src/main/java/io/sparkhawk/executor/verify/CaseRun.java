package io.sparkhawk.executor.verify;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.model.Block;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.Objective;
import io.sparkhawk.executor.stage.Objectives;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParameters;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import io.sparkhawk.executor.train.FlatLayout;
import io.sparkhawk.executor.train.FlatParameters;
import io.sparkhawk.executor.train.Trajectory;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Runs the models and tokens of a case through the code that trains, in one element type, and hands
 * on every quantity that it computes, named as in the case.
 */
final class CaseRun {

  private final ReferenceCase reference;
  private final Device device;
  private final ElementType type;
  private final Consumer<LanguageModel> onLoad;
  private final Consumer<Quantity> sink;

  /**
   * @param onLoad gets each model before it is used
   * @param sink gets each quantity, in the order of computation
   */
  CaseRun(
      ReferenceCase reference,
      Device device,
      ElementType type,
      Consumer<LanguageModel> onLoad,
      Consumer<Quantity> sink) {
    this.reference = reference;
    this.device = device;
    this.type = type;
    this.onLoad = onLoad;
    this.sink = sink;
  }

  /** Forward passes, and losses and gradients of all stages. */
  void run() {
    forwardPasses();
    stage("stage1", StageKind.MATRIX, HiddenTarget.MIXER);
    stage("stage2_mixer", StageKind.HIDDEN, HiddenTarget.MIXER);
    stage("stage2_block", StageKind.HIDDEN, HiddenTarget.BLOCK);
    stage("stage3", StageKind.DISTILL, HiddenTarget.MIXER);
  }

  private LanguageModel teacher() {
    return loaded(Models.loadTeacher(reference.teacher(), device, type));
  }

  private LanguageModel student(StudentConfig form) {
    return loaded(Models.loadStudent(reference.student(), form, device, type));
  }

  private LanguageModel loaded(LanguageModel model) {
    onLoad.accept(model);
    return model;
  }

  private void forwardPasses() {
    try (LanguageModel teacher = teacher();
        LanguageModel student = student(reference.studentConfig());
        TensorScope scope = TensorScope.open()) {
      requireSameSizes(teacher, student);
      NDArray ids = ids(teacher, ReferenceCase.INPUT_IDS);
      NDArray hidden = teacher.embed(ids);
      for (int i = 0; i < teacher.blocks().size(); i++) {
        emit("teacher.hidden." + i, hidden);
        mixers(i, teacher.blocks().get(i), student.blocks().get(i), hidden);
        hidden = teacher.blocks().get(i).forward(hidden);
      }
      emit("teacher.hidden." + teacher.blocks().size(), hidden);
      emit("teacher.logits", teacher.head().forward(teacher.finalNorm().forward(hidden)));
      studentEndToEnd(student, ids);
    }
  }

  /** Both mixers on the teacher's hidden state, each as a matrix and as it is streamed. */
  private void mixers(int i, Block teacher, Block student, NDArray hidden) {
    NDArray u = teacher.normalise(hidden);
    Block.MatrixAndOutput attention = teacher.attend(u);
    emit("teacher.attention." + i, attention.matrix());
    emit("teacher.mixer_out." + i, attention.output());
    emit("teacher.mixer_out." + i, teacher.mixer().forward(u));
    NDArray own = student.normalise(hidden);
    emit("student.matrix." + i, student.mixer().matrix(own));
    emit("student.mixer_out." + i, student.mixer().forward(own));
  }

  private void studentEndToEnd(LanguageModel student, NDArray ids) {
    NDArray hidden = student.embed(ids);
    for (int i = 0; i < student.blocks().size(); i++) {
      emit("student.hidden." + i, hidden);
      hidden = student.blocks().get(i).forward(hidden);
    }
    emit("student.hidden." + student.blocks().size(), hidden);
    emit("student.logits", student.head().forward(student.finalNorm().forward(hidden)));
  }

  private static void requireSameSizes(LanguageModel teacher, LanguageModel student) {
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

  /** Losses and gradients of one stage, all weights trained that its loss reaches. */
  private void stage(String name, StageKind stage, HiddenTarget target) {
    StagePass pass = pass(reference.studentConfig(), stage, target, false);
    for (int i = 0; i < pass.losses.length; i++) {
      String number = stage == StageKind.DISTILL ? "" : "." + i;
      sink.accept(Quantity.number(name + ".loss" + number, pass.losses[i]));
    }
    pass.weights.forEach(
        (weight, shape) -> {
          String quantity = name + ".grad." + weight;
          if (pass.layout.parameters().containsKey(weight) || reference.has(quantity)) {
            double[] gradient = slice(weight, shape, pass.gradients, pass.layout);
            sink.accept(new Quantity(quantity, shape, gradient));
          }
        });
  }

  /** What one pass over the case's tokens gives. */
  static final class StagePass {

    private final double[] losses;
    private final double[] gradients;
    private final FlatLayout layout;
    private final Map<String, Shape> weights = new LinkedHashMap<>(); // trained or not

    private StagePass(Objective objective, FlatParameters trained, LanguageModel student) {
      this.losses = objective.losses().read();
      this.gradients = Operators.toDoubles(trained.gradients());
      this.layout = trained.layout();
      student.parameters().forEach(weight -> weights.put(weight.name(), weight.shape()));
    }

    /** One for each block, or one. */
    double[] losses() {
      return losses;
    }

    /** Of all trained weights, in the order of the layout. */
    double[] gradients() {
      return gradients;
    }
  }

  /** A weight's elements of a flat buffer; zeros if it is not in there. */
  private static double[] slice(String weight, Shape shape, double[] flat, FlatLayout layout) {
    FlatLayout.Range range = layout.parameters().get(weight);
    return range == null
        ? new double[Math.toIntExact(shape.size())]
        : Arrays.copyOfRange(flat, (int) range.first(), (int) (range.first() + range.count()));
  }

  /** Loss and gradients of stage 3 for a student computed in another way, which changes nothing. */
  StagePass distill(StudentConfig form, boolean recompute) {
    return pass(form, StageKind.DISTILL, HiddenTarget.MIXER, recompute);
  }

  private StagePass pass(
      StudentConfig form, StageKind stage, HiddenTarget target, boolean recompute) {
    try (LanguageModel teacher = teacher();
        LanguageModel student = student(form);
        FlatParameters parameters =
            FlatParameters.of(
                student.manager(),
                type,
                TrainedParameters.of(student, stage, TrainedParts.ALL, target));
        TensorScope scope = TensorScope.open()) {
      Objective objective = Objectives.of(stage, target, teacher, student, recompute);
      objective.accumulate(ids(teacher, ReferenceCase.INPUT_IDS), 1, segment -> {});
      return new StagePass(objective, parameters, student);
    }
  }

  private Trajectory.Settings settings() {
    return new Trajectory.Settings(
        StageKind.DISTILL,
        HiddenTarget.MIXER,
        TrainedParts.ALL,
        false,
        reference.hyperparameters(),
        reference.clipNorm());
  }

  /** The updates of stage 3 and the weights after them. */
  void trajectory() {
    try (LanguageModel teacher = teacher();
        LanguageModel student = student(reference.studentConfig());
        Trajectory trajectory = Trajectory.start(teacher, student, settings());
        TensorScope scope = TensorScope.open()) {
      List<Double> rates = reference.learningRates();
      for (int k = 0; k < rates.size(); k++) {
        NDArray ids = ids(teacher, ReferenceCase.TRAJECTORY_IDS + k);
        Trajectory.Step step = trajectory.step(ids, rates.get(k));
        sink.accept(Quantity.number("trajectory." + k + ".loss", step.losses().get(0)));
        sink.accept(Quantity.number("trajectory." + k + ".grad_norm", step.gradientNorm()));
      }
      double[] values = Operators.toDoubles(trajectory.parameters().values());
      FlatLayout layout = trajectory.parameters().layout();
      for (Parameter weight : student.parameters()) {
        double[] after = slice(weight.name(), weight.shape(), values, layout);
        sink.accept(new Quantity(ReferenceCase.FINAL + weight.name(), weight.shape(), after));
      }
    }
  }

  private NDArray ids(LanguageModel model, String name) {
    return model
        .manager()
        .create(reference.ids(name, model.vocabulary()), new Shape(reference.shape(name)));
  }

  private void emit(String name, NDArray tensor) {
    sink.accept(Quantity.tensor(name, tensor));
  }
}
