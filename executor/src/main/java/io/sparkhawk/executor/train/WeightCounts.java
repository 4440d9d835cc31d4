package io.sparkhawk.executor.train;

import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.MixerShape;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** How many weights models have, and a stage trains, by their sizes alone: nothing is built. */
final class WeightCounts {

  static final int MLP_FACTOR = 4;

  private WeightCounts() {}

  /** All weights of a teacher. */
  static long of(PhiConfig teacher) {
    long width = teacher.width();
    long block = sum(norm(width)) + sum(attention(width)) + sum(mlp(width, teacher.mlpWidth()));
    long embedding = width * teacher.vocabulary();
    return (teacher.tiedHead() ? 1 : 2) * embedding
        + teacher.vocabulary()
        + sum(norm(width))
        + teacher.blocks() * block;
  }

  /** All weights of a student. */
  static long of(StudentConfig student) {
    return IntStream.range(0, student.blocks())
            .mapToLong(block -> sum(block(student, block, true)))
            .sum()
        + sum(embedding(student))
        + sum(norm(student.width()))
        + sum(head(student));
  }

  /** Elements of the flat buffer that holds what a stage trains, alignment included. */
  static long trained(
      StudentConfig student, StageKind stage, TrainedParts parts, HiddenTarget target) {
    return sizes(student, stage, parts, target).mapToLong(FlatLayout::aligned).sum();
  }

  /** Weights that a stage trains. */
  static long trainable(
      StudentConfig student, StageKind stage, TrainedParts parts, HiddenTarget target) {
    return sizes(student, stage, parts, target).mapToLong(Long::longValue).sum();
  }

  private static Stream<Long> sizes(
      StudentConfig student, StageKind stage, TrainedParts parts, HiddenTarget target) {
    Stream<Long> ofBlocks =
        IntStream.range(0, student.blocks())
            .boxed()
            .flatMap(
                block ->
                    stage == StageKind.DISTILL
                        ? block(student, block, parts == TrainedParts.ALL).stream()
                        : aligned(student, block, stage, parts, target).stream());
    Stream<Long> ofEnds =
        stage == StageKind.DISTILL && parts == TrainedParts.ALL
            ? Stream.of(embedding(student), norm(student.width()), head(student))
                .flatMap(List::stream)
            : Stream.of();
    return Stream.concat(ofBlocks, ofEnds);
  }

  /** Sizes of a block's weights: all, or those of a mixer that is not attention. */
  private static List<Long> block(StudentConfig student, int block, boolean all) {
    long width = student.width();
    boolean attention = student.isAttention(block);
    if (!all) {
      return attention ? List.of() : mixer(student);
    }
    return join(
        Stream.of(
            norm(width),
            attention ? attention(width) : mixer(student),
            mlp(width, MLP_FACTOR * width)));
  }

  /** Sizes of the weights of a block that stages 1 and 2 train. */
  private static List<Long> aligned(
      StudentConfig student, int block, StageKind stage, TrainedParts parts, HiddenTarget target) {
    if (student.isAttention(block)) {
      return List.of();
    }
    List<Long> mixer = stage == StageKind.MATRIX ? matrix(student) : mixer(student);
    if (parts == TrainedParts.MIXERS) {
      return mixer;
    }
    boolean reachesMlp = stage == StageKind.HIDDEN && target == HiddenTarget.BLOCK;
    long width = student.width();
    return join(
        Stream.of(norm(width), mixer, reachesMlp ? mlp(width, MLP_FACTOR * width) : List.of()));
  }

  private static List<Long> mixer(StudentConfig student) {
    MixerShape shape = student.mixerShape();
    long inner = shape.innerWidth();
    return join(
        Stream.of(
            input(shape),
            kernel(student),
            List.of(inner, (long) shape.heads(), inner * shape.width())));
  }

  /** Of the weights that a mixer's matrix depends on. */
  private static List<Long> matrix(StudentConfig student) {
    MixerShape shape = student.mixerShape();
    List<Long> skip = List.of((long) shape.heads());
    return shape.kind() == MixerKind.TOEPLITZ
        ? join(Stream.of(kernel(student), skip))
        : join(Stream.of(input(shape), skip));
  }

  /** Of projection and convolution. */
  private static List<Long> input(MixerShape shape) {
    long channels = shape.convChannels();
    return List.of(
        (long) shape.projectionRows() * shape.width(), channels * shape.convWidth(), channels);
  }

  private static List<Long> kernel(StudentConfig student) {
    return student.mixer() == MixerKind.TOEPLITZ
        ? List.of((long) student.heads() * student.maxPositions())
        : List.of();
  }

  private static List<Long> norm(long width) {
    return List.of(width, width);
  }

  private static List<Long> attention(long width) {
    long square = width * width;
    return List.of(square, width, square, width, square, width, square, width);
  }

  private static List<Long> mlp(long width, long inner) {
    return List.of(inner * width, inner, inner * width, width);
  }

  private static List<Long> embedding(StudentConfig student) {
    return List.of((long) student.vocabulary() * student.width());
  }

  private static List<Long> head(StudentConfig student) {
    long vocabulary = student.vocabulary();
    return List.of(vocabulary * student.width(), vocabulary);
  }

  private static List<Long> join(Stream<List<Long>> lists) {
    return lists.flatMap(List::stream).toList();
  }

  private static long sum(List<Long> sizes) {
    return sizes.stream().flatMapToLong(LongStream::of).sum();
  }
}
