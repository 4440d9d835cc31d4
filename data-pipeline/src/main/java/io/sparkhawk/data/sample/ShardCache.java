package io.sparkhawk.data.sample;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.ShardFormat;
import io.sparkhawk.data.shard.ShardReader;
import io.sparkhawk.data.storage.Retry;
import io.sparkhawk.data.storage.Storage;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Opens shards as files of the local disk. Those of a remote data set are copied once into a {@link
 * CacheFolder}, which they share with other processes and data sets. Shards that will be needed can
 * be fetched, verified and opened ahead, several at a time.
 *
 * <p>Safe for use by several threads.
 */
final class ShardCache implements AutoCloseable {

  /** Fetches at a time: one is seldom enough for the bandwidth of an object store. */
  private static final int FETCHERS = 4;

  private static final long CLOSE_SECONDS = 5;

  /** Waits half a second, then one, two, four and eight. */
  private static final Retry RETRY = new Retry(6, 500);

  private final Storage storage;
  private final org.apache.hadoop.fs.Path folder;
  private final ShardFormat format;
  private final CacheFolder cache;
  private final ShardFetch fetch;

  /** Checksums of the shards whose copies must stay. */
  private final Set<String> needed;

  /** Shards that are on their way, or are open and were not asked for yet. */
  private final Map<ShardEntry, CompletableFuture<ShardReader>> ahead = new HashMap<>();

  private final AtomicLong waits = new AtomicLong();

  private final ExecutorService fetchers =
      Executors.newFixedThreadPool(
          FETCHERS,
          task -> {
            Thread thread = new Thread(task, "shard-fetcher");
            thread.setDaemon(true);
            return thread;
          });

  private ShardCache(
      Storage storage,
      org.apache.hadoop.fs.Path folder,
      ShardFormat format,
      CacheFolder cache,
      Set<String> needed) {
    this.storage = storage;
    this.folder = folder;
    this.format = format;
    this.cache = cache;
    this.needed = needed;
    this.fetch = new ShardFetch(storage, RETRY);
  }

  /**
   * The shards of a data set folder.
   *
   * @param format what its rows look like
   * @param local folder for copies
   * @param maxBytes what the copies in it may take
   */
  static ShardCache of(
      Storage storage,
      org.apache.hadoop.fs.Path folder,
      ShardFormat format,
      Path local,
      long maxBytes) {
    Set<String> needed = ConcurrentHashMap.newKeySet();
    CacheFolder cache = new CacheFolder(local, maxBytes, needed::contains);
    return new ShardCache(storage, folder, format, cache, needed);
  }

  /**
   * Begins to fetch and open a shard that will be asked for, unless it is on its way. Its copy
   * stays until {@link #release}.
   */
  synchronized void fetchAhead(ShardEntry entry) {
    keep(entry);
    if (!ahead.containsKey(entry) && !fetchers.isShutdown()) {
      ahead.put(entry, CompletableFuture.supplyAsync(() -> openIfNeeded(entry), fetchers));
    }
  }

  /** Tells that a shard's copy must stay until {@link #release}. */
  void keep(ShardEntry entry) {
    needed.add(entry.sha256());
  }

  /** Tells that a shard will not be asked for in the near future. */
  synchronized void release(ShardEntry entry) {
    needed.remove(entry.sha256());
    CompletableFuture<ShardReader> coming = ahead.remove(entry);
    if (coming != null) {
      closeWhenOpen(coming);
    }
  }

  private static void closeWhenOpen(CompletableFuture<ShardReader> coming) {
    CompletableFuture<Void> unused =
        coming.thenAccept(
            reader -> {
              if (reader != null) {
                reader.close();
              }
            });
  }

  /**
   * Opens a shard, once it is here.
   *
   * @throws DataException if it is missing, or is not the one that was prepared, even when it is
   *     fetched again
   * @throws InfrastructureException if the storage or the local disk fails
   */
  ShardReader open(ShardEntry entry) {
    CompletableFuture<ShardReader> coming;
    synchronized (this) {
      coming = ahead.remove(entry);
    }
    if (coming == null) {
      waits.incrementAndGet();
      return openNow(entry);
    }
    if (coming.isCompletedExceptionally() || !coming.isDone()) {
      waits.incrementAndGet();
    }
    // What failed ahead of time may succeed now, unless it failed a moment ago.
    return coming.isCompletedExceptionally() ? openNow(entry) : await(coming, entry);
  }

  /** How often a shard was not yet open when it was asked for. */
  long waits() {
    return waits.get();
  }

  private ShardReader await(CompletableFuture<ShardReader> coming, ShardEntry entry) {
    try {
      return coming.get();
    } catch (InterruptedException e) {
      closeWhenOpen(coming);
      Thread.currentThread().interrupt();
      throw new InfrastructureException("Interrupted while fetching " + stored(entry) + ".", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SparkhawkException explained) {
        throw explained;
      }
      throw new InfrastructureException("Cannot fetch " + stored(entry) + ": " + e + ".", e);
    }
  }

  /** Null if the shard was released before its turn came. */
  private ShardReader openIfNeeded(ShardEntry entry) {
    return needed.contains(entry.sha256()) ? openNow(entry) : null;
  }

  private ShardReader openNow(ShardEntry entry) {
    if (storage.isLocal()) {
      return ShardReader.open(storage.localPath(stored(entry)), entry, format);
    }
    Path copy = here(entry);
    try {
      return ShardReader.open(copy, entry, format);
    } catch (DataException e) {
      // Another process made room for its own shards, or the copy was damaged on this disk.
      cache.remove(entry);
      return ShardReader.open(here(entry), entry, format);
    }
  }

  /** The local copy, fetched if need be. */
  private Path here(ShardEntry entry) {
    return cache.get(entry, target -> fetch.run(stored(entry), entry, target));
  }

  private org.apache.hadoop.fs.Path stored(ShardEntry entry) {
    return new org.apache.hadoop.fs.Path(folder, entry.file());
  }

  /** Whether no shard is on its way. */
  synchronized boolean idle() {
    return ahead.values().stream().allMatch(CompletableFuture::isDone);
  }

  /** Stops fetching; copies stay for others. */
  @Override
  public void close() {
    fetchers.shutdownNow();
    synchronized (this) {
      ahead.values().forEach(ShardCache::closeWhenOpen);
      ahead.clear();
    }
    try {
      // A storage that hangs may keep a fetch from noticing; it ends by its own timeout.
      fetchers.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
