package io.sparkhawk.data.sample;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.storage.Storage;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;

/**
 * Gives shards as files of the local disk. Remote ones are copied once into the cache folder, under
 * a name that holds their checksum, so processes and data sets may share the folder.
 */
final class ShardCache {

  private static final int BUFFER_BYTES = 1 << 20;

  private final Storage storage;
  private final org.apache.hadoop.fs.Path folder;
  private final Path cache;

  ShardCache(Storage storage, org.apache.hadoop.fs.Path folder, Path cache) {
    this.storage = storage;
    this.folder = folder;
    this.cache = cache;
  }

  /**
   * The local file of a shard.
   *
   * @throws DataException if the remote file cannot be read
   * @throws InfrastructureException if the copy cannot be written
   */
  Path local(ShardEntry entry) {
    org.apache.hadoop.fs.Path stored = new org.apache.hadoop.fs.Path(folder, entry.file());
    if (storage.isLocal()) {
      return storage.localPath(stored);
    }
    Path copy = cache.resolve(entry.sha256() + ".arrow");
    if (!Files.exists(copy)) {
      download(stored, copy);
    }
    return copy;
  }

  private void download(org.apache.hadoop.fs.Path stored, Path copy) {
    Path temporary = copy.resolveSibling(copy.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try (InputStream in = storage.fileSystem().open(stored)) {
      write(in, temporary);
      Files.move(temporary, copy, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new DataException(
          "Cannot read the shard " + stored + ": " + e.getMessage() + ". Restore it or try again.",
          e);
    }
  }

  private void write(InputStream in, Path temporary) throws IOException {
    try {
      Files.createDirectories(cache);
    } catch (IOException e) {
      throw Storage.writeFailure(cache, e);
    }
    byte[] buffer = new byte[BUFFER_BYTES];
    try (OutputStream out = Files.newOutputStream(temporary)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        append(out, buffer, read, temporary);
      }
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
  }

  private static void append(OutputStream out, byte[] buffer, int count, Path file) {
    try {
      out.write(buffer, 0, count);
    } catch (IOException e) {
      throw Storage.writeFailure(file, e);
    }
  }
}
