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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Opens shards as files of the local disk. Those of a remote data set are copied once into a {@link
 * CacheFolder}, which they share with other processes and data sets, and can be fetched ahead.
 *
 * <p>Safe for use by several threads.
 */
final class ShardCache implements AutoCloseable {

  /** Fetches at a time: one is seldom enough for the bandwidth of an object store. */
  private static final int FETCHERS = 2;

  /** Waits half a second, then one, two, four and eight. */
  private static final Retry RETRY = new Retry(6, 500);

  private final Storage storage;
  private final org.apache.hadoop.fs.Path folder;
  private final CacheFolder cache;
  private final ShardFetch fetch;

  /** Shards that are on their way, or have arrived and were not asked for yet. */
  private final Map<ShardEntry, CompletableFuture<Path>> ahead = new HashMap<>();

  private final ExecutorService fetchers =
      Executors.newFixedThreadPool(
          FETCHERS,
          task -> {
            Thread thread = new Thread(task, "shard-fetcher");
            thread.setDaemon(true);
            return thread;
          });

  private ShardCache(
      Storage storage, org.apache.hadoop.fs.Path folder, CacheFolder cache, ShardFetch fetch) {
    this.storage = storage;
    this.folder = folder;
    this.cache = cache;
    this.fetch = fetch;
  }

  /**
   * The shards of a data set folder.
   *
   * @param local folder for copies
   * @param maxBytes what the copies in it may take
   */
  static ShardCache of(
      Storage storage, org.apache.hadoop.fs.Path folder, Path local, long maxBytes) {
    return new ShardCache(
        storage, folder, new CacheFolder(local, maxBytes), new ShardFetch(storage, RETRY));
  }

  /** Whether shards are copied before they are read. */
  boolean copies() {
    return !storage.isLocal();
  }

  /** Begins to fetch a shard that will be asked for, unless it is here or on its way. */
  synchronized void fetchAhead(ShardEntry entry) {
    if (copies() && !ahead.containsKey(entry) && !fetchers.isShutdown()) {
      ahead.put(entry, CompletableFuture.supplyAsync(() -> here(entry), fetchers));
    }
  }

  /**
   * Opens a shard, once it is here.
   *
   * @throws DataException if it is missing, or is not the one that was prepared, even when it is
   *     fetched again
   * @throws InfrastructureException if the storage or the local disk fails
   */
  ShardReader open(ShardEntry entry, ShardFormat format) {
    if (!copies()) {
      return ShardReader.open(storage.localPath(stored(entry)), entry, format);
    }
    Path copy = fetched(entry);
    try {
      return ShardReader.open(copy, entry, format);
    } catch (DataException e) {
      // Another process made room for its own shards, or the copy was damaged on this disk.
      cache.remove(entry);
      return ShardReader.open(here(entry), entry, format);
    }
  }

  private Path fetched(ShardEntry entry) {
    CompletableFuture<Path> coming;
    synchronized (this) {
      coming = ahead.remove(entry);
    }
    if (coming == null) {
      return here(entry);
    }
    try {
      return coming.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InfrastructureException("Interrupted while fetching " + stored(entry) + ".", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SparkhawkException explained) {
        throw explained;
      }
      throw new InfrastructureException("Cannot fetch " + stored(entry) + ": " + e + ".", e);
    }
  }

  /** The local copy, fetched if need be. */
  private Path here(ShardEntry entry) {
    return cache.get(entry, target -> fetch.run(stored(entry), entry, target));
  }

  private org.apache.hadoop.fs.Path stored(ShardEntry entry) {
    return new org.apache.hadoop.fs.Path(folder, entry.file());
  }

  /** Stops fetching; copies stay for others. */
  @Override
  public void close() {
    fetchers.shutdownNow();
  }
}
