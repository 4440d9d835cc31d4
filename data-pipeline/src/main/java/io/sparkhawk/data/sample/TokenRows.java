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

  /** The global numbers of each shard's rows. */
  private final RowRanges ranges;

  /** What the shards that are fetched ahead may take. */
  private final long aheadBytes;

  private final ShardCache cache;
  private final OpenShards readers;
  private final Map<BatchKey, int[]> batches = new RecentBatches();

  /** The shards that are needed next; null until {@link #follow}. */
  private Lookahead lookahead;

  private boolean closed;

  private TokenRows(
      ShardFormat format, List<ShardEntry> shards, ShardCache cache, long maxOpenBytes) {
    this.format = format;
    this.shards = shards;
    this.cache = cache;
    this.readers = new OpenShards(maxOpenBytes);
    this.aheadBytes = maxOpenBytes;
    this.ranges = RowRanges.of(shards.stream().mapToLong(ShardEntry::rows).toArray());
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
        ShardCache.of(storage, path, manifest.shardFormat(), localCache, cacheBytes),
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
    return ranges.total();
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
    int shard = ranges.rangeOf(globalRow);
    ShardReader reader = reader(shard);
    int row = (int) (globalRow - ranges.start(shard));
    int[] batch =
        batches.computeIfAbsent(
            new BatchKey(shard, row / reader.rowsPerBatch()), key -> reader.batch(key.batch()));
    int start = row % reader.rowsPerBatch() * rowLength();
    System.arraycopy(batch, start, target, offset, rowLength());
  }

  /**
   * The order in which training visits these rows; see {@link SampleOrder}.
   *
   * @param blockTokens tokens among which they are shuffled
   * @throws IllegalArgumentException if there are no rows
   */
  public SampleOrder order(long seed, long blockTokens) {
    return SampleOrder.inBlocks(
        seed, ranges, SampleOrder.blockRows(blockTokens, format.rowLength()));
  }

  /**
   * Tells which rows will be read, so that their shards can be fetched in the meantime; {@link
   * #reached} says when.
   *
   * @param order of these rows
   * @param end the first global sample that will not be read
   */
  public synchronized void follow(SampleOrder order, long end) {
    lookahead = new Lookahead(order, ranges, shard -> shards.get(shard).bytes(), aheadBytes, end);
  }

  /**
   * Tells that samples from this one on will be read, and those before it will not. As many of the
   * shards that come next as fit in the cache begin to be fetched, in the order of their first use,
   * and those that are not among them make room. Returns at once.
   *
   * @throws IllegalStateException if no order is followed
   */
  public synchronized void reached(long globalSample) {
    if (lookahead == null) {
      throw new IllegalStateException("No order is followed");
    }
    if (!closed) {
      lookahead.reached(
          globalSample,
          shard -> {
            if (readers.has(shard)) {
              cache.keep(shards.get(shard));
            } else {
              cache.fetchAhead(shards.get(shard));
            }
          },
          this::release);
    }
  }

  private void release(int shard) {
    readers.close(shard);
    cache.release(shards.get(shard));
  }

  /** How often a shard was not open yet when a row of it was read first. */
  long waits() {
    return cache.waits();
  }

  /** Whether all shards that are fetched ahead are open. */
  boolean idle() {
    return cache.idle();
  }

  private ShardReader reader(int shard) {
    ShardReader open = readers.get(shard);
    if (open != null) {
      return open;
    }
    ShardReader opened = cache.open(shards.get(shard));
    readers.add(shard, opened, shards.get(shard).bytes());
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
