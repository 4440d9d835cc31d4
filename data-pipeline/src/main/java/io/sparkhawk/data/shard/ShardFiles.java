package io.sparkhawk.data.shard;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.data.storage.Storage;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import org.apache.hadoop.fs.Path;

/** The shard files of a data set folder as they lie in the storage, compared with the manifest. */
public final class ShardFiles {

  private final Storage storage;
  private final Path folder;

  public ShardFiles(Storage storage, Path folder) {
    this.storage = storage;
    this.folder = folder;
  }

  /**
   * What is wrong with a shard, in a sentence.
   *
   * @param readAll whether to read the file and compare its checksum, or its size only
   * @throws InfrastructureException if the storage fails
   */
  public Optional<String> problem(ShardEntry entry, boolean readAll) {
    Path file = new Path(folder, entry.file());
    try {
      long bytes = storage.fileSystem().getFileStatus(file).getLen();
      if (bytes != entry.bytes()) {
        return Optional.of(
            "The shard %s has %d bytes, but its manifest says %d; it is corrupt."
                .formatted(file, bytes, entry.bytes()));
      }
      return readAll ? wrongChecksum(file, entry) : Optional.empty();
    } catch (FileNotFoundException e) {
      return Optional.of("The shard %s is missing.".formatted(file));
    } catch (IOException e) {
      throw new InfrastructureException("Cannot read the shard %s: %s.".formatted(file, e), e);
    }
  }

  private Optional<String> wrongChecksum(Path file, ShardEntry entry) throws IOException {
    try (InputStream in = storage.fileSystem().open(file)) {
      String found = Checksum.of(in);
      return found.equals(entry.sha256())
          ? Optional.empty()
          : Optional.of(
              "The shard %s is corrupt: its SHA-256 should be %s, but is %s."
                  .formatted(file, entry.sha256(), found));
    }
  }
}
