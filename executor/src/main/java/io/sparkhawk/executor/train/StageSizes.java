package io.sparkhawk.executor.train;

import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.Parallelism.Transport;

/**
 * What a stage needs by the sizes of its models and its settings alone: nothing is built, no
 * libtorch is loaded.
 *
 * @param length positions of a sequence
 */
public record StageSizes(
    PhiConfig teacher, StudentConfig student, StageSettings stage, int length) {

  /** Weights of the teacher. */
  public long teacherWeights() {
    return WeightCounts.of(teacher);
  }

  /** Weights of the student, trained or not. */
  public long studentWeights() {
    return WeightCounts.of(student);
  }

  /** Weights of the student that the stage trains. */
  public long trainedWeights() {
    return WeightCounts.trainable(student, stage.name(), stage.train(), stage.target());
  }

  /** Elements of the flat buffers of what is trained: weights, gradients, each moment. */
  public long trainedElements() {
    return WeightCounts.trained(student, stage.name(), stage.train(), stage.target());
  }

  /**
   * The share of the gradient that the backward pass completes last, so that there is nothing left
   * to hide its sum behind: that of the embedding, or of one block.
   */
  public double lastSegmentShare() {
    boolean embedding = stage.name() == StageKind.DISTILL && stage.train() == TrainedParts.ALL;
    double last = (double) student.vocabulary() * student.width();
    return embedding ? last / trainedWeights() : 1.0 / student.blocks();
  }

  /** Segments of the gradient that are summed one by one. */
  public int segments() {
    boolean ends = stage.name() == StageKind.DISTILL && stage.train() == TrainedParts.ALL;
    int attention = ends ? 0 : student.attentionBlocks().size();
    return student.blocks() - attention + (ends ? 2 : 0);
  }

  /** Operations of the matrix products that the stage cannot do without, for each token. */
  public double flopsPerToken() {
    return new ModelFlops(teacher, student, length).perToken(stage.name());
  }

  /**
   * The memory that each of several GPUs needs.
   *
   * @param sequences of a micro-batch
   * @param type what the models compute in
   * @param gpus that train together, connected by NCCL
   * @param parallel with the type that gradients are really kept in
   */
  public MemoryPlan memory(int sequences, ElementType type, int gpus, ParallelSettings parallel) {
    return MemoryPlan.of(workload(sequences, type, gpus, parallel));
  }

  /**
   * Which settings would make it fit.
   *
   * @param available bytes of the GPU
   * @return a part of a sentence
   */
  public String whatFits(
      int sequences, ElementType type, int gpus, ParallelSettings parallel, long available) {
    return MemoryPlan.advice(workload(sequences, type, gpus, parallel), available);
  }

  private MemoryPlan.Workload workload(
      int sequences, ElementType type, int gpus, ParallelSettings parallel) {
    return new MemoryPlan.Workload(
        teacher,
        student,
        stage.name(),
        stage.target(),
        stage.train(),
        stage.recompute(),
        sequences,
        length,
        type,
        type == ElementType.BFLOAT16,
        parallelism(gpus, parallel));
  }

  private static Parallelism parallelism(int gpus, ParallelSettings parallel) {
    return gpus == 1
        ? new Parallelism(Transport.NONE, 1, parallel.gradientType())
        : new Parallelism(
            Transport.NCCL, parallel.shardsWithNccl() ? gpus : 1, parallel.gradientType());
  }
}
