package io.sparkhawk.data.prepare;

import io.sparkhawk.data.sample.Split;
import java.io.Serializable;
import java.util.Arrays;
import java.util.Locale;

/**
 * Which document goes into which shard. It follows from the corpus and the settings alone, never
 * from the machine: a shard takes the documents that begin in its range of the text, where the text
 * of all documents, duplicates included, is thought as one.
 *
 * <p>Shards are numbered through: first those of validation, then those of train. Validation files
 * make one shard, so that their rows are cut from one unbroken sequence. Documents held out by hash
 * make shards that cover more of the text, as they are a small share of it.
 */
final class ShardPlan implements Serializable {

  private static final long MIN_SHARD_BYTES = 512L << 10;
  private static final long MAX_SHARD_BYTES = 32L << 20;
  private static final int AUTOMATIC_SHARDS = 64;

  private final double heldOutShare;
  private final int validationFiles;
  private final long[] firstByte;
  private final long trainRange;
  private final long validationRange;
  private final int validationShards;
  private final int trainShards;

  private ShardPlan(CorpusIndex index, int validationFiles, double heldOutShare, long shardBytes) {
    this.validationFiles = validationFiles;
    this.heldOutShare = validationFiles > 0 ? 0 : heldOutShare;
    this.firstByte = new long[index.totals().size()];
    long textBytes = 0;
    for (FileTotals file : index.totals()) {
      if (file.file() >= validationFiles) {
        firstByte[file.file()] = textBytes;
        textBytes += file.textBytes();
      }
    }
    this.trainRange = shardBytes > 0 ? shardBytes : automaticShardBytes(textBytes);
    this.trainShards = shardCount(textBytes, trainRange);
    this.validationRange =
        this.heldOutShare > 0 ? (long) Math.ceil(trainRange / this.heldOutShare) : Long.MAX_VALUE;
    this.validationShards =
        validationFiles > 0
            ? 1
            : this.heldOutShare > 0 ? shardCount(textBytes, validationRange) : 0;
  }

  static ShardPlan of(Corpus corpus, CorpusIndex index, PrepareSettings settings) {
    return new ShardPlan(
        index, corpus.validationFiles(), settings.heldOutShare(), settings.shardBytes());
  }

  private static long automaticShardBytes(long textBytes) {
    return Math.max(MIN_SHARD_BYTES, Math.min(MAX_SHARD_BYTES, textBytes / AUTOMATIC_SHARDS));
  }

  private static int shardCount(long textBytes, long range) {
    return Math.toIntExact((textBytes + range - 1) / range);
  }

  /** All shards of both splits. */
  int shards() {
    return validationShards + trainShards;
  }

  /**
   * The number of the shard that a document belongs to.
   *
   * @param textBefore UTF-8 bytes of the documents before it in its file, as counted in {@link
   *     FileTotals#textBytes}
   */
  int shardOf(ReadDocument document, long textBefore) {
    if (document.file() < validationFiles) {
      return 0;
    }
    long begin = firstByte[document.file()] + textBefore;
    return document.hash().isHeldOut(heldOutShare)
        ? (int) (begin / validationRange)
        : validationShards + (int) (begin / trainRange);
  }

  Split split(int shard) {
    return shard < validationShards ? Split.VALIDATION : Split.TRAIN;
  }

  /** The name of a shard, from which those of its files follow: "train-00007". */
  String name(int shard) {
    Split split = split(shard);
    int number = split == Split.VALIDATION ? shard : shard - validationShards;
    return String.format(Locale.ROOT, "%s-%05d", split.name().toLowerCase(Locale.ROOT), number);
  }

  @Override
  public String toString() {
    return "ShardPlan[" + shards() + " shards, files begin at " + Arrays.toString(firstByte) + "]";
  }
}
