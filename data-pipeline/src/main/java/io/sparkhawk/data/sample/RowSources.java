package io.sparkhawk.data.sample;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.ShardSources;
import io.sparkhawk.data.storage.Storage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Which source each token of the held-out rows comes from. */
public final class RowSources {

  private final int rowLength;
  private final List<String> names;
  private final RowRanges ranges;
  private final List<Stretches> shards;

  /**
   * The stretches of a shard's tokens.
   *
   * @param ends after how many tokens of the shard each ends
   * @param sources the source of each, a place in {@link #names}
   */
  @SuppressWarnings("ArrayRecordComponent") // only looked up, never compared
  private record Stretches(long[] ends, int[] sources) {}

  private RowSources(int rowLength, List<String> names, RowRanges ranges, List<Stretches> shards) {
    this.rowLength = rowLength;
    this.names = names;
    this.ranges = ranges;
    this.shards = shards;
  }

  /**
   * Reads the sources of a data set's held-out rows.
   *
   * @param folder Hadoop path of the data set
   * @return empty if the data set was prepared without them, or has no held-out rows
   * @throws DataException if there are some, and they are not those of its rows
   */
  public static Optional<RowSources> open(Configuration hadoop, String folder) {
    Path path = Storage.path(folder);
    Storage storage = Storage.of(hadoop, path);
    DataManifest manifest = DataManifest.read(storage.fileSystem(), path);
    List<ShardEntry> entries = manifest.validation().shards();
    List<ShardSources> read = new ArrayList<>();
    for (ShardEntry shard : entries) {
      ShardSources.read(storage, path, shard)
          .ifPresent(sources -> read.add(checked(sources, shard, path)));
    }
    return read.isEmpty() || read.size() < entries.size()
        ? Optional.empty()
        : Optional.of(of(manifest.seqLen(), entries, read));
  }

  private static ShardSources checked(ShardSources sources, ShardEntry shard, Path folder) {
    long tokens = sources.tokens().stream().mapToLong(Long::longValue).sum();
    if (tokens < shard.tokens()) {
      throw new DataException(
          "The sources of the shard %s in %s are those of %d tokens, but it has %d. Prepare the data set again, or delete its folder sources: then losses are not told by source."
              .formatted(shard.file(), folder, tokens, shard.tokens()));
    }
    return sources;
  }

  private static RowSources of(
      int rowLength, List<ShardEntry> entries, List<ShardSources> sources) {
    TreeSet<String> all = new TreeSet<>();
    sources.forEach(shard -> all.addAll(shard.names()));
    List<String> names = List.copyOf(all);
    return new RowSources(
        rowLength,
        names,
        RowRanges.of(entries.stream().mapToLong(ShardEntry::rows).toArray()),
        sources.stream().map(shard -> stretches(shard, names)).toList());
  }

  private static Stretches stretches(ShardSources shard, List<String> names) {
    long[] ends = shard.tokens().stream().mapToLong(Long::longValue).toArray();
    Arrays.parallelPrefix(ends, Long::sum);
    int[] places = shard.names().stream().mapToInt(names::indexOf).toArray();
    return new Stretches(ends, shard.source().stream().mapToInt(i -> places[i]).toArray());
  }

  /** All sources, in alphabetical order. */
  public List<String> names() {
    return names;
  }

  /**
   * Says of each token of a row which source it is from.
   *
   * @param globalRow number of the row, as in {@link TokenRows#read}
   * @return places in {@link #names}, one for each token of the row
   * @throws IndexOutOfBoundsException if there is no such row
   */
  public int[] ofRow(long globalRow) {
    if (globalRow < 0 || globalRow >= ranges.total()) {
      throw new IndexOutOfBoundsException("There is no held-out row " + globalRow);
    }
    int shard = ranges.rangeOf(globalRow);
    Stretches stretches = shards.get(shard);
    long token = (globalRow - ranges.start(shard)) * rowLength;
    int found = Arrays.binarySearch(stretches.ends, token);
    int stretch = found < 0 ? -found - 1 : found + 1; // the first that ends behind the token
    int[] sources = new int[rowLength];
    for (int i = 0; i < rowLength; i++) {
      while (stretches.ends[stretch] <= token + i) {
        stretch++;
      }
      sources[i] = stretches.sources[stretch];
    }
    return sources;
  }
}
