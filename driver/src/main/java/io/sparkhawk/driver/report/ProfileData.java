package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.FinalEvaluations;
import io.sparkhawk.executor.train.LossProfile;
import io.sparkhawk.executor.train.LossProfile.ByPosition;
import io.sparkhawk.executor.train.LossProfile.BySource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Perplexities of teacher and student on the same held-out tokens, by where these are.
 *
 * @param positions by position in the row, in the order of the positions
 * @param sources by source of the text, the one with most tokens first
 */
record ProfileData(List<Position> positions, List<Source> sources) {

  /** Nothing was measured. */
  static final ProfileData NONE = new ProfileData(List.of(), List.of());

  ProfileData {
    positions = List.copyOf(positions);
    sources = List.copyOf(sources);
  }

  /** Tokens from position {@code first} to position {@code last}, counted from 1. */
  record Position(int first, int last, long tokens, double teacher, double student) {}

  /** Tokens of one source. */
  record Source(String name, long tokens, double teacher, double student) {}

  static ProfileData of(Optional<FinalEvaluations> heldOut) {
    return heldOut
        .map(models -> of(models.teacher().profile(), models.student().profile()))
        .orElse(NONE);
  }

  private static ProfileData of(LossProfile teacher, LossProfile student) {
    Map<Integer, ByPosition> positions = by(teacher.positions(), ByPosition::first);
    Map<String, BySource> sources = by(teacher.sources(), BySource::source);
    return new ProfileData(
        student.positions().stream()
            .map(
                mine -> {
                  ByPosition theirs = positions.get(mine.first());
                  return new Position(
                      mine.first(),
                      mine.last(),
                      mine.tokens(),
                      theirs == null ? Double.NaN : Math.exp(theirs.loss()),
                      Math.exp(mine.loss()));
                })
            .toList(),
        student.sources().stream()
            .map(
                mine -> {
                  BySource theirs = sources.get(mine.source());
                  return new Source(
                      mine.source(),
                      mine.tokens(),
                      theirs == null ? Double.NaN : Math.exp(theirs.loss()),
                      Math.exp(mine.loss()));
                })
            .sorted((a, b) -> Long.compare(b.tokens(), a.tokens()))
            .toList());
  }

  private static <K, T> Map<K, T> by(List<T> parts, Function<T, K> key) {
    return parts.stream().collect(Collectors.toMap(key, part -> part));
  }
}
