package io.sparkhawk.data.sample;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.ShardFormat;
import io.sparkhawk.data.shard.ShardReader;
import io.sparkhawk.data.shard.SplitManifest;
import io.sparkhawk.data.storage.Storage;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.conf.Configuration;

/**
 * The rows of one split of a data set, by their number. Shards are opened when they are first asked
 * for, and compared with the manifest's checksum then; a few decompressed batches are kept.
 *
 * <p>Calls from several threads wait for each other.
 */
public final class TokenRows implements AutoCloseable {

  /** Bytes that copies of remote shards may take where nothing else is said. */
  public static final long USUAL_CACHE_BYTES = 100_000_000_000L;

  private static final int CACHED_BATCHES = 16;

  private final ShardFormat format;
  private final List<ShardEntry> shards;

  /** Global number of each shard's first row, and the number of all rows at the end. */
  private final long[] firstRows;

  private final ShardCache cache;
  private final OpenShards readers;
  private final Map<BatchKey, int[]> batches = new RecentBatches();

  /** Shards that are open, or fetched ahead. */
  private final Set<Integer> expected = ConcurrentHashMap.newKeySet();

  private boolean closed;

  private TokenRows(
      ShardFormat format, List<ShardEntry> shards, ShardCache cache, long maxOpenBytes) {
    this.format = format;
    this.shards = shards;
    this.cache = cache;
    this.readers = new OpenShards(maxOpenBytes);
    this.firstRows = new long[shards.size() + 1];
    for (int i = 0; i < shards.size(); i++) {
      firstRows[i + 1] = firstRows[i] + shards.get(i).rows();
    }
  }

  /**
   * Opens one split of a data set folder, with a cache of {@link #USUAL_CACHE_BYTES}; as {@link
   * #open(Configuration, String, Split, Path, long)}.
   */
  public static TokenRows open(Configuration hadoop, String folder, Split split, Path localCache) {
    return open(hadoop, folder, split, localCache, USUAL_CACHE_BYTES);
  }

  /**
   * Opens one split of a data set folder.
   *
   * @param folder Hadoop path of the folder
   * @param localCache where shards of remote folders are copied to; shards on the local disk are
   *     mapped in place
   * @param cacheBytes what copies in the local cache may take; those that were used least recently
   *     go first
   * @throws DataException if the folder is not a finished data set
   * @throws ConfigurationException if no file system serves the folder
   */
  public static TokenRows open(
      Configuration hadoop, String folder, Split split, Path localCache, long cacheBytes) {
    org.apache.hadoop.fs.Path path = Storage.path(folder);
    Storage storage = Storage.of(hadoop, path);
    DataManifest manifest = DataManifest.read(storage.fileSystem(), path);
    return new TokenRows(
        manifest.shardFormat(),
        of(manifest, split).shards(),
        ShardCache.of(storage, path, localCache, cacheBytes),
        storage.isLocal() ? Long.MAX_VALUE : cacheBytes);
  }

  private static SplitManifest of(DataManifest manifest, Split split) {
    return switch (split) {
      case TRAIN -> manifest.train();
      case VALIDATION -> manifest.validation();
    };
  }

  /** Rows of all shards. */
  public long rows() {
    return firstRows[shards.size()];
  }

  /** Token ids in a row. */
  public int rowLength() {
    return format.rowLength();
  }

  /**
   * Copies one row to {@code target[offset .. offset + rowLength)}.
   *
   * @param globalRow number of the row, from 0, over all shards in the manifest's order
   * @throws IndexOutOfBoundsException if there is no such row, or the target is too short
   * @throws DataException if the shard is missing, damaged, or not the one that was prepared
   * @throws InfrastructureException if the local cache cannot be written
   */
  public synchronized void read(long globalRow, int[] target, int offset) {
    Objects.checkIndex(globalRow, rows());
    Objects.checkFromIndexSize(offset, rowLength(), target.length);
    if (closed) {
      throw new IllegalStateException("The rows are closed");
    }
    int shard = shardOf(globalRow);
    ShardReader reader = reader(shard);
    int row = (int) (globalRow - firstRows[shard]);
    int[] batch =
        batches.computeIfAbsent(
            new BatchKey(shard, row / reader.rowsPerBatch()), key -> reader.batch(key.batch()));
    int start = row % reader.rowsPerBatch() * rowLength();
    System.arraycopy(batch, start, target, offset, rowLength());
  }

  /**
   * Tells that a row will be read before long, so that its shard can be fetched in the meantime.
   * Returns at once.
   *
   * @throws IndexOutOfBoundsException if there is no such row
   */
  public void expect(long globalRow) {
    Objects.checkIndex(globalRow, rows());
    int shard = shardOf(globalRow);
    if (cache.copies() && expected.add(shard)) {
      cache.fetchAhead(shards.get(shard));
    }
  }

  private int shardOf(long globalRow) {
    int low = 0;
    int high = shards.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (firstRows[middle] <= globalRow) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  private ShardReader reader(int shard) {
    ShardReader open = readers.get(shard);
    if (open != null) {
      return open;
    }
    ShardReader opened = cache.open(shards.get(shard), format);
    expected.add(shard);
    readers.add(shard, opened, shards.get(shard).bytes()).forEach(expected::remove);
    return opened;
  }

  @Override
  public synchronized void close() {
    closed = true;
    batches.clear();
    readers.close();
    cache.close();
  }

  private record BatchKey(int shard, int batch) {}

  /** The batches that were asked for last. */
  private static final class RecentBatches extends LinkedHashMap<BatchKey, int[]> {

    RecentBatches() {
      super(2 * CACHED_BATCHES, 0.75f, true);
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<BatchKey, int[]> eldest) {
      return size() > CACHED_BATCHES;
    }
  }
}
