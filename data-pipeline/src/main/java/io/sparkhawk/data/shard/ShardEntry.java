package io.sparkhawk.data.shard;

import io.sparkhawk.data.error.Shortened;
import java.util.regex.Pattern;

/**
 * One shard of a split, as the manifest names it.
 *
 * @param file name within the data set folder
 * @param rows rows in it
 * @param tokens ids in it: rows times row length
 * @param bytes size of the file
 * @param sha256 checksum of the file, 64 hexadecimal digits
 */
public record ShardEntry(String file, long rows, long tokens, long bytes, String sha256) {

  /** A manifest from outside must not make us read, or write to, files elsewhere. */
  private static final Pattern PLAIN_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,199}");

  /** Sums over all shards stay numbers. */
  static final long MAX_TOKENS = 1L << 40;

  private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");

  /**
   * Checks each value by itself.
   *
   * @throws IllegalArgumentException if the file is not a plain name or a number cannot be
   */
  public ShardEntry {
    if (!PLAIN_NAME.matcher(file).matches()) {
      throw new IllegalArgumentException(
          "'" + Shortened.of(file) + "' is not the name of a shard in the data set's folder");
    }
    if (rows < 0
        || rows > Integer.MAX_VALUE
        || tokens < 0
        || tokens > MAX_TOKENS
        || bytes < 0
        || bytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "the shard %s cannot have %d rows, %d ids and %d bytes"
              .formatted(file, rows, tokens, bytes));
    }
    if (!SHA_256.matcher(sha256).matches()) {
      throw new IllegalArgumentException(
          "the shard " + file + " has no checksum: '" + Shortened.of(sha256) + "'");
    }
  }
}
