package io.sparkhawk.data.sample;

import io.sparkhawk.data.shard.ShardReader;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The shards that are open, by their number. Those that were used least recently are closed when
 * their files would take more than a given size, as an open file takes its place on the disk even
 * if it was deleted. Not for several threads at once.
 */
final class OpenShards implements AutoCloseable {

  private record Open(ShardReader reader, long bytes) {}

  private final long maxBytes;
  private final Map<Integer, Open> open = new LinkedHashMap<>(64, 0.75f, true);
  private long bytes;

  OpenShards(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** The reader of a shard, or null if it is not open. */
  ShardReader get(int shard) {
    Open found = open.get(shard);
    return found == null ? null : found.reader();
  }

  /** Whether a shard is open. */
  boolean has(int shard) {
    return open.containsKey(shard);
  }

  /** Adds a shard that was opened, and closes others for it. */
  void add(int shard, ShardReader reader, long size) {
    open.put(shard, new Open(reader, size));
    bytes += size;
    Iterator<Open> oldest = open.values().iterator();
    while (bytes > maxBytes && open.size() > 1) {
      Open old = oldest.next();
      bytes -= old.bytes();
      oldest.remove();
      old.reader().close();
    }
  }

  /** Closes a shard, if it is open. */
  void close(int shard) {
    Open found = open.remove(shard);
    if (found != null) {
      bytes -= found.bytes();
      found.reader().close();
    }
  }

  @Override
  public void close() {
    open.values().forEach(shard -> shard.reader().close());
    open.clear();
    bytes = 0;
  }
}
