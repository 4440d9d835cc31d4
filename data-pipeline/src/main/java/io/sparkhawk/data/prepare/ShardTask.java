package io.sparkhawk.data.prepare;

import io.sparkhawk.data.sample.Split;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.ShardFormat;
import io.sparkhawk.data.shard.ShardWriter;
import io.sparkhawk.data.shard.SourceCount;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.data.token.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Map;

/** Makes one shard of its documents: tokenises, packs, writes, publishes. */
final class ShardTask {

  private final String name;
  private final Split split;
  private final ShardFormat format;
  private final TokenFormat tokenFormat;
  private final DataFolder folder;
  private final ProgressCounters progress;

  private final SourceCounter sources = new SourceCounter();
  private final SourceStretches stretches = new SourceStretches();
  private long documents;
  private long textBytes;
  private long tokens;

  ShardTask(
      String name,
      Split split,
      ShardFormat format,
      TokenFormat tokenFormat,
      DataFolder folder,
      ProgressCounters progress) {
    this.name = name;
    this.split = split;
    this.format = format;
    this.tokenFormat = tokenFormat;
    this.folder = folder;
    this.progress = progress;
  }

  ShardRecord run(Iterator<ShuffledDocument> shuffled) {
    Path local = null;
    try {
      local = Files.createTempFile("sparkhawk-" + name + "-", ".arrow");
      int rows = write(local, shuffled);
      ShardRecord record = record(local, rows);
      if (rows > 0) {
        publish(local, record.entry().orElseThrow());
      }
      // The commit: from here on no run makes this shard again.
      folder.finish(record);
      return record;
    } catch (IOException e) {
      throw Storage.writeFailure("the temporary file of shard " + name, e);
    } finally {
      deleteQuietly(local);
    }
  }

  private void publish(Path local, ShardEntry shard) {
    folder.publishShard(local, shard.file());
    if (split == Split.VALIDATION) {
      folder.publishSources(shard, stretches.all());
    }
  }

  private int write(Path local, Iterator<ShuffledDocument> shuffled) {
    Tokenizer tokenizer = SharedTokenizers.get(tokenFormat);
    try (ShardWriter shard = ShardWriter.create(local, format)) {
      RowPacker packer = new RowPacker(shard, format.rowLength(), tokenFormat.endOfText());
      while (shuffled.hasNext()) {
        ShuffledDocument document = shuffled.next();
        int[] ids = tokenizer.encode(new String(document.text(), StandardCharsets.UTF_8));
        packer.add(ids);
        count(document, ids.length + 1);
      }
      shard.finish();
      return shard.rows();
    }
  }

  private void count(ShuffledDocument document, int ids) {
    documents++;
    textBytes += document.text().length;
    tokens += ids;
    stretches.add(sources.add(document.source(), new SourceCount(1, ids)), ids);
    progress.add(1, ids, document.text().length);
  }

  private ShardRecord record(Path local, int rows) throws IOException {
    return new ShardRecord(
        name,
        rows > 0 ? name + ".arrow" : "",
        rows,
        (long) rows * format.rowLength(),
        rows > 0 ? Files.size(local) : 0,
        rows > 0 ? Checksum.of(local) : "",
        documents,
        textBytes,
        tokens,
        Map.copyOf(sources.counts()));
  }

  private static void deleteQuietly(Path file) {
    try {
      if (file != null) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      // A leftover in the temporary folder harms nobody; the shard's own outcome matters.
      file.toFile().deleteOnExit();
    }
  }
}
