package io.sparkhawk.data.storage;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.UnknownStateException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options.CreateFileOptionKeys;
import org.apache.hadoop.fs.Path;

/**
 * Creates a small file as a whole, or not at all if its name is taken: of any number of writers at
 * once one wins, and nobody ever sees half of the file.
 *
 * <p>The step that decides is
 *
 * <ul>
 *   <li>on local disks a hard link to a complete file: a link is made at once and replaces nothing;
 *   <li>on object stores a conditional put;
 *   <li>on HDFS a rename of a complete file, which the name node does under one lock and refuses
 *       where the target exists. Creating the file itself without overwriting would be as
 *       exclusive, but shows it empty to readers, and leaves it so if the writer dies.
 * </ul>
 *
 * <p>A failed attempt may have worked all the same, and one that was refused may have met its own
 * earlier success; what is stored decides. A few attempts are made, which does no harm, as each is
 * conditional.
 */
final class ConditionalCreate {

  /** File systems that rename atomically and never onto an existing file. */
  private static final Set<String> RENAMING = Set.of("hdfs", "viewfs");

  private final Storage storage;
  private final FileSystem fileSystem;
  private final Retry retry;

  private ConditionalCreate(Storage storage, Retry retry) {
    this.storage = storage;
    this.fileSystem = storage.fileSystem();
    this.retry = retry;
  }

  static ConditionalCreate on(Storage storage, Retry retry) {
    return new ConditionalCreate(storage, retry);
  }

  /** As {@link Storage#createIfAbsent}. */
  boolean create(Path path, byte[] content) {
    IOException failure = new IOException("a file of another writer came and went");
    for (int attempt = 1; attempt <= retry.attempts(); attempt++) {
      retry.pauseBefore(attempt);
      try {
        if (attempt(path, content)) {
          return true;
        }
      } catch (IOException e) {
        failure = e;
      }
      Optional<byte[]> stored = readBack(path, content.length + 1, failure);
      if (stored.isPresent()) {
        return Arrays.equals(stored.get(), content);
      }
    }
    throw Storage.writeFailure(path, failure);
  }

  /**
   * Tries once.
   *
   * @return false if the name is taken
   */
  private boolean attempt(Path path, byte[] content) throws IOException {
    if (storage.isLocal()) {
      return link(storage.localPath(path), content);
    }
    if (storage.hasConditionalPut(path)) {
      return put(path, content);
    }
    if (RENAMING.contains(fileSystem.getUri().getScheme())) {
      return rename(path, content);
    }
    throw new ConfigurationException(
        path
            + " cannot be created safely: its file system has no conditional create. Use a local"
            + " path, hdfs or s3a.");
  }

  private static boolean link(java.nio.file.Path target, byte[] content) throws IOException {
    java.nio.file.Path folder = target.toAbsolutePath().getParent();
    java.nio.file.Path complete = Storage.temporarySibling(target);
    Files.createDirectories(folder);
    try {
      Files.write(complete, content);
      force(complete, StandardOpenOption.WRITE);
      Files.createLink(target, complete); // the commit
      force(folder, StandardOpenOption.READ);
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    } finally {
      Files.deleteIfExists(complete);
    }
  }

  /** Makes a file's content, or a folder's names, survive a loss of power. */
  static void force(java.nio.file.Path path, StandardOpenOption access) throws IOException {
    try (FileChannel channel = FileChannel.open(path, access)) {
      channel.force(true);
    }
  }

  private boolean put(Path path, byte[] content) throws IOException {
    FSDataOutputStreamBuilder<?, ?> request = fileSystem.createFile(path);
    // Overwriting, so that only the condition decides, and not a look at the name beforehand.
    request.recursive();
    request.overwrite(true);
    request.must(CreateFileOptionKeys.FS_OPTION_CREATE_CONDITIONAL_OVERWRITE, true);
    OutputStream out = request.build();
    out.write(content);
    out.close(); // the commit: the store decides when the upload ends
    return true;
  }

  private boolean rename(Path path, byte[] content) throws IOException {
    Path complete = Storage.temporarySibling(path);
    try {
      try (OutputStream out = fileSystem.create(complete, false)) {
        out.write(content);
      }
      return !fileSystem.exists(path) && fileSystem.rename(complete, path); // the commit
    } finally {
      fileSystem.delete(complete, false);
    }
  }

  /** The first {@code limit} bytes of the file, or empty if there is none. */
  private Optional<byte[]> readBack(Path path, int limit, IOException failure) {
    try {
      return retry.call(
          () -> {
            try (InputStream in = fileSystem.open(path)) {
              return Optional.of(in.readNBytes(limit));
            } catch (FileNotFoundException e) {
              return Optional.empty();
            }
          });
    } catch (IOException e) {
      UnknownStateException unknown =
          new UnknownStateException(
              "Cannot tell whether "
                  + path
                  + " was written: the write ended with "
                  + failure
                  + ", and reading it back with "
                  + e
                  + ". Look at the file before running again.",
              e);
      unknown.addSuppressed(failure);
      throw unknown;
    }
  }
}
