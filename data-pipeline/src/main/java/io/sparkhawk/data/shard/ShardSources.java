package io.sparkhawk.data.shard;

import io.sparkhawk.data.storage.JsonFormat;
import io.sparkhawk.data.storage.Storage;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.Path;

/**
 * Where the tokens of one held-out shard come from, in a file of its own beside the shard: {@code
 * sources/validation-00000.json}. The tokens are those of the documents that were packed, in their
 * order and with their end-of-text ids; the last ones may not have filled a row.
 *
 * @param names the sources
 * @param source for each stretch of tokens the number of its source in {@code names}
 * @param tokens for each stretch how many tokens it has
 */
public record ShardSources(List<String> names, List<Integer> source, List<Long> tokens) {

  private static final String FOLDER = "sources";

  /**
   * Checks what readers rely on.
   *
   * @throws IllegalArgumentException if stretches and sources do not fit together
   */
  public ShardSources {
    names = List.copyOf(names);
    source = List.copyOf(source);
    tokens = List.copyOf(tokens);
    if (source.size() != tokens.size()) {
      throw new IllegalArgumentException(
          "%d stretches of tokens cannot have %d sources".formatted(tokens.size(), source.size()));
    }
    int known = names.size();
    if (source.stream().anyMatch(number -> number < 0 || number >= known)) {
      throw new IllegalArgumentException("a stretch of tokens is of a source that is not named");
    }
    long sum = 0;
    for (long count : tokens) {
      if (count < 1 || count > ShardEntry.MAX_TOKENS - sum) {
        throw new IllegalArgumentException("a stretch cannot have " + count + " tokens");
      }
      sum += count;
    }
  }

  /** The file that belongs to a shard of the data set in a folder. */
  public static Path file(Path folder, ShardEntry shard) {
    String name = shard.file().replaceFirst("\\.arrow$", "") + ".json";
    return new Path(new Path(folder, FOLDER), name);
  }

  /**
   * Reads those of a shard; empty if the data set was prepared without.
   *
   * @throws io.sparkhawk.data.error.DataException if the file is not what belongs there
   */
  public static Optional<ShardSources> read(Storage storage, Path folder, ShardEntry shard) {
    Path file = file(folder, shard);
    return storage
        .readIfPresent(file)
        .map(content -> JsonFormat.read(content, ShardSources.class, file));
  }
}
