package io.sparkhawk.executor.train;

import io.sparkhawk.executor.kernel.ElementKernels;
import io.sparkhawk.executor.kernel.Kernels;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.MixerShape;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.Objectives;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;

/**
 * Bytes of the tensors that the passes over one micro-batch keep and make. What our kernels need is
 * counted tensor by tensor, as the passes by hand make them; what libtorch records is estimated
 * from the tensors that its derivatives are known to keep.
 */
final class PassBytes {

  private static final long MIXER_CHUNK = 64; // positions between the states that kernels keep

  private final MemoryPlan.Workload work;
  private final MixerShape shape;
  private final long rows;
  private final long element; // bytes of what the models compute in
  private final long sum; // bytes of the accumulation type
  private final long hidden; // bytes of one hidden state
  private final long mlp; // bytes of an MLP's inner activation
  private final boolean mixerKernels;
  private final boolean productsInPlace; // gradients of matrices are computed where they are kept

  PassBytes(MemoryPlan.Workload work) {
    this.work = work;
    this.shape = work.student().mixerShape();
    this.rows = (long) work.sequences() * work.length();
    this.element = work.type().bytes();
    this.sum = work.type().accumulationType().bytes();
    this.hidden = rows * work.teacher().width() * element;
    this.mlp = rows * work.teacher().mlpWidth() * element;
    this.productsInPlace = work.parallelism().gradientType() == GradientType.BFLOAT16;
    this.mixerKernels =
        work.kernels()
            && shape.kind() == MixerKind.MAMBA2
            && Kernels.takesMixer(
                shape.heads(), shape.headSize(), shape.stateSize(), shape.convWidth());
  }

  /**
   * What is kept from block to block: the teacher's hidden states, which live as long as the
   * micro-batch, and in stage 3 the student's with what its backward pass needs.
   */
  long kept() {
    StudentConfig student = work.student();
    long states = student.blocks() * hidden; // the inputs of the blocks
    if (work.stage() != StageKind.DISTILL) {
      return states;
    }
    long bytes = 2 * states + 3 * hidden; // both models' last ones, and the teacher's normalised
    if (!work.recompute()) {
      for (int i = 0; i < student.blocks(); i++) {
        bytes += keptInBlock(student.isAttention(i));
      }
    }
    return bytes;
  }

  /** What the backward pass of a block needs beside the block's input. */
  long keptInBlock(boolean attention) {
    long norm = hidden + 2 * rows * sum; // output, mean and deviation
    return norm + (attention ? keptInAttention() : keptInMixer()) + keptInMlp();
  }

  private long keptInMlp() {
    return work.kernels() ? mlp : 4 * mlp + hidden; // without them GELU's parts, and the result
  }

  /** Rotated queries and keys, values, output by heads and joined, result, and log sums. */
  private long keptInAttention() {
    return 6 * hidden + rows * work.teacher().heads() * sum;
  }

  private long keptInMixer() {
    return mixerKernels ? projected() + inner() + states() : recordedMixer();
  }

  private long projected() {
    return rows * shape.projectionRows() * element;
  }

  private long inner() {
    return rows * shape.innerWidth() * element;
  }

  private long channels() {
    return rows * shape.convChannels() * element;
  }

  /** The state of each head that enters each chunk of the kernels. */
  private long states() {
    long chunks = (work.length() + MIXER_CHUNK - 1) / MIXER_CHUNK;
    return work.sequences() * chunks * stateSize();
  }

  /** The states of all heads of a sequence. */
  private long stateSize() {
    return (long) shape.heads() * shape.stateSize() * shape.headSize() * element;
  }

  private long recordedMixer() {
    long outside = 2 * channels() + 4 * inner() + hidden; // around the scan
    if (shape.kind() == MixerKind.TOEPLITZ) {
      return outside + inner() + rows * shape.heads() * work.length() * element;
    }
    long size = Math.min(shape.chunkSize(), work.length());
    long chunks = (work.length() + size - 1) / size;
    long bAndC = 2 * rows * shape.stateChannels() * element;
    boolean decays = shape.kind() == MixerKind.MAMBA2; // only then do the factors have gradients
    long factors = decays ? 2 * element + factors() : 2 * element;
    long within = rows * shape.heads() * size * factors + bAndC + inner();
    long states = (decays ? 2L : 1L) * work.sequences() * chunks * stateSize();
    long across = bAndC + inner() + states;
    long decayInput = decays && element == sum ? projected() : 0; // A is a view of it
    return outside + decayInput + within + (chunks > 1 ? across : 0);
  }

  /** Bytes of an exponential: in the accumulation type, and rounded if that is another. */
  private long factors() {
    return element == sum ? sum : sum + element;
  }

  /** What a block of the teacher makes, of which nothing is freed before it is through. */
  long teacherBlock() {
    PhiConfig teacher = work.teacher();
    double rotated = (double) teacher.rotaryDimensions() / teacher.headSize();
    long rotation = work.kernels() ? hidden : Math.round(hidden * (1 + 4.5 * rotated));
    long attention = 5 * hidden + 2 * rotation + rows * teacher.heads() * sum;
    int activations = work.kernels() ? 2 : 6; // GELU in one operator or in five
    return hidden + attention + activations * mlp + 3 * hidden;
  }

  /** What is made beside what is kept while one block is in work, at its largest. */
  long block() {
    return switch (work.stage()) {
      case MATRIX -> teacherBlock() + matrixDistance();
      case HIDDEN -> teacherBlock() + hiddenDistance();
      case DISTILL -> blockBackward();
    };
  }

  private long blockBackward() {
    boolean all = work.parts() == TrainedParts.ALL;
    long gradients = 6 * hidden + mixerBackward() + 2 * mlp;
    long ofMixer = mixerKernels && productsInPlace ? 0 : mixerWeights();
    long ofMlp = !all || (work.kernels() && productsInPlace) ? 0 : mlpWeights();
    // Computed again, a block has its forward pass's results in memory beside its gradients.
    long again = work.recompute() ? keptInBlock(false) + 5 * hidden + mlp : 0;
    return gradients + ofMixer + ofMlp + again;
  }

  /** Gradients inside a mixer. */
  private long mixerBackward() {
    return mixerKernels
        ? inner() + projected()
        : 4 * inner() + 2 * rows * shape.heads() * shape.chunkSize() * sum;
  }

  /** The gradients of a mixer's two projections before they are added to the others. */
  private long mixerWeights() {
    long rowsOfBoth = (long) shape.projectionRows() + shape.innerWidth();
    return rowsOfBoth * shape.width() * element;
  }

  private long mlpWeights() {
    return 2L * work.teacher().width() * work.teacher().mlpWidth() * element;
  }

  /** Logits and gradients of stage 3's loss, at their largest; 0 in other stages. */
  long headLoss() {
    if (work.stage() != StageKind.DISTILL) {
      return 0;
    }
    long vocabulary = work.student().vocabulary();
    long width = work.student().width();
    long chunk = Math.min(rows, Objectives.logitRows(vocabulary, logitKernels()));
    long conversions = element == sum ? 0 : 2 * sum + element;
    long logit = logitKernels() ? 2 * element : 2 * element + 2 * sum + conversions;
    long weights = work.parts() == TrainedParts.ALL ? vocabulary * width * element : 0;
    return 3 * hidden + chunk * (vocabulary * logit + width * element) + weights;
  }

  private boolean logitKernels() {
    return work.kernels() && ElementKernels.fits(work.student().vocabulary());
  }

  /** The comparison of a mixer's or a block's output with the teacher's. */
  private long hiddenDistance() {
    boolean block = work.target() == HiddenTarget.BLOCK;
    boolean norm = work.parts() == TrainedParts.ALL;
    long widened = element == sum ? 0 : 1;
    long distance = (2 + widened) * hidden + 2 * rows * work.student().width() * sum;
    if (widened > 0) {
      distance += rows * work.student().width() * sum;
    }
    long mlpBranch = block ? keptInMlp() + 3 * hidden + 3 * mlp + mlpWeights() : 0;
    long throughNorm = norm ? 3 * hidden : 0;
    long convolution = mixerKernels ? channels() : 0;
    return 2 * hidden
        + keptInMixer()
        + mixerBackward()
        + convolution
        + distance
        + mlpBranch
        + throughNorm;
  }

  /** The comparison of a mixer's matrix with the teacher's. */
  private long matrixDistance() {
    boolean fused =
        mixerKernels && Kernels.takesMatrices(work.teacher().headSize(), shape.stateSize());
    long bAndC = 2 * rows * shape.stateChannels() * element;
    if (fused) {
      long sums = rows * shape.heads() * sum;
      return hidden + 4 * bAndC + 12 * sums + mixerWeights() / 2;
    }
    long square = rows * work.length() * shape.heads();
    long conversions = element == sum ? 0 : 2 * sum + element;
    long teacher = 4 * square * element;
    long student = square * (4 * element + 3 * sum + conversions);
    long backward = square * 3 * sum;
    return hidden + 2 * bAndC + teacher + student + backward;
  }
}
