package io.sparkhawk.data.sample;

import io.sparkhawk.data.shard.ShardReader;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
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

  /**
   * Adds a shard that was opened.
   *
   * @return numbers of the shards that were closed for it
   */
  List<Integer> add(int shard, ShardReader reader, long size) {
    open.put(shard, new Open(reader, size));
    bytes += size;
    List<Integer> closed = new ArrayList<>();
    Iterator<Map.Entry<Integer, Open>> oldest = open.entrySet().iterator();
    while (bytes > maxBytes && open.size() > 1) {
      Map.Entry<Integer, Open> entry = oldest.next();
      closed.add(entry.getKey());
      bytes -= entry.getValue().bytes();
      entry.getValue().reader().close();
      oldest.remove();
    }
    return closed;
  }

  @Override
  public void close() {
    open.values().forEach(shard -> shard.reader().close());
    open.clear();
    bytes = 0;
  }
}
