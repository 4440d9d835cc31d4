package io.sparkhawk.data.sample;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.data.storage.Retry;
import io.sparkhawk.data.storage.Storage;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;

/**
 * Copies one remote shard to the local disk and verifies its checksum on arrival. Failures of the
 * storage are tried again after growing pauses; wrong content is fetched again once.
 */
final class ShardFetch {

  private static final int BUFFER_BYTES = 1 << 20;
  private static final int FETCHES = 2;

  private final Storage storage;
  private final Retry retry;

  ShardFetch(Storage storage, Retry retry) {
    this.storage = storage;
    this.retry = retry;
  }

  /**
   * Fetches a shard.
   *
   * @param target a file to write; its content is right when this returns
   * @throws DataException if the shard is missing, or its checksum is wrong twice
   * @throws InfrastructureException if the storage or the local disk keeps failing
   */
  void run(org.apache.hadoop.fs.Path stored, ShardEntry entry, Path target) {
    String found = "";
    for (int i = 0; i < FETCHES; i++) {
      found = copy(stored, entry, target);
      if (found.equals(entry.sha256())) {
        return;
      }
    }
    throw new DataException(
        "The shard "
            + stored
            + " is corrupt: expected SHA-256 "
            + entry.sha256()
            + ", found "
            + found
            + ", also when it was fetched again. Restore it or prepare the data set again in an"
            + " empty folder.");
  }

  private String copy(org.apache.hadoop.fs.Path stored, ShardEntry entry, Path target) {
    try {
      return retry.call(
          () -> {
            try (InputStream in = storage.fileSystem().open(stored)) {
              return copy(in, entry.bytes(), target);
            }
          });
    } catch (FileNotFoundException e) {
      throw new DataException(
          "The shard " + stored + " is missing. Restore it or prepare the data set again.", e);
    } catch (IOException e) {
      throw new InfrastructureException(
          "Cannot fetch the shard "
              + stored
              + ", tried "
              + retry.attempts()
              + " times: "
              + e
              + ". Check that the storage is reachable and run the same command again.",
          e);
    }
  }

  /** Copies at most one byte more than there should be, and gives the checksum of that. */
  private static String copy(InputStream in, long bytes, Path target) throws IOException {
    MessageDigest digest = Checksum.newDigest();
    byte[] buffer = new byte[BUFFER_BYTES];
    try (OutputStream out = create(target)) {
      long left = bytes + 1;
      while (left > 0) {
        int read = in.read(buffer, 0, (int) Math.min(buffer.length, left));
        if (read < 0) {
          break;
        }
        digest.update(buffer, 0, read);
        append(out, buffer, read, target);
        left -= read;
      }
    }
    return Checksum.hex(digest.digest());
  }

  private static OutputStream create(Path target) {
    try {
      return Files.newOutputStream(target);
    } catch (IOException e) {
      throw Storage.writeFailure(target, e);
    }
  }

  private static void append(OutputStream out, byte[] buffer, int count, Path target) {
    try {
      out.write(buffer, 0, count);
    } catch (IOException e) {
      throw Storage.writeFailure(target, e);
    }
  }
}
