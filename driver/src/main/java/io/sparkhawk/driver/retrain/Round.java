package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.storage.Checksum;
import java.util.List;

/**
 * A round of retraining: the data that is new to it. It is what it is from the moment at which its
 * number was taken, however often it is started.
 *
 * @param number from 1
 * @param id its identity, from its data window: the first and the last partition and a hash of all
 *     files
 * @param partitions what no round before has taken
 * @param carried earlier rounds that were not promoted, whose new data is trained on again
 * @param warmStart folder of the student to start from, or the end of a stage of a run as {@link
 *     StageEnd} has it; empty starts from the teacher
 */
public record Round(
    long number, String id, List<Partition> partitions, List<Long> carried, String warmStart) {

  public Round {
    partitions = List.copyOf(partitions);
    carried = List.copyOf(carried);
  }

  static Round of(long number, List<Partition> partitions, List<Long> carried, String warmStart) {
    return new Round(number, identity(partitions), partitions, carried, warmStart);
  }

  /** For example {@code 2026-11-01-to-2026-11-03-1f2e3d4c5b6a}. */
  private static String identity(List<Partition> partitions) {
    StringBuilder window = new StringBuilder();
    partitions.forEach(partition -> window.append(partition).append('\n'));
    String hash = Checksum.of(window.toString()).substring(0, 12);
    String first = partitions.get(0).name();
    String last = partitions.get(partitions.size() - 1).name();
    if (first.contains("/")) {
      return "files-" + partitions.size() + "-" + hash;
    }
    return first + (first.equals(last) ? "" : "-to-" + last) + "-" + hash;
  }

  List<String> names() {
    return partitions.stream().map(Partition::name).toList();
  }

  List<String> files() {
    return partitions.stream().flatMap(partition -> partition.files().stream()).toList();
  }

  long bytes() {
    return partitions.stream().mapToLong(Partition::bytes).sum();
  }
}
