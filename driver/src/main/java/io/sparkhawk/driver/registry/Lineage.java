package io.sparkhawk.driver.registry;

import java.util.List;

/**
 * Where a version came from.
 *
 * @param round number of the retraining round
 * @param window identity of the round, from its data window
 * @param partitions the partitions of the corpus that were new
 * @param rounds the rounds whose new data this version has learned: its own, and earlier ones that
 *     were not promoted
 * @param data the data sets that the shards are of
 * @param heldOutSha256 checksum of the held-out rows
 * @param teacher folder of the teacher
 * @param teacherSha256 checksum of its configuration and weights
 * @param warmStart folder of the student that training started from, or the end of a stage of a
 *     run, as {@code hidden@s3a://bucket/runs/first}; empty for the teacher
 * @param configuration the settings of the training, without secrets
 * @param configurationSha256 their checksum
 * @param codeVersion version of the program
 */
public record Lineage(
    long round,
    String window,
    List<String> partitions,
    List<Long> rounds,
    List<DataSet> data,
    String heldOutSha256,
    String teacher,
    String teacherSha256,
    String warmStart,
    String configuration,
    String configurationSha256,
    String codeVersion) {

  public Lineage {
    partitions = List.copyOf(partitions);
    rounds = List.copyOf(rounds);
    data = List.copyOf(data);
  }

  /** A data set, by its manifest. */
  public record DataSet(String folder, String manifestSha256) {}
}
