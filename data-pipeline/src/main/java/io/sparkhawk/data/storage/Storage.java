package io.sparkhawk.data.storage;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.error.UnknownStateException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Options.CreateFileOptionKeys;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.security.AccessControlException;

/**
 * Publishes files on a Hadoop file system so that a reader sees a whole file or none.
 *
 * <p>How that is done depends on the file system: local disks link or rename a temporary file into
 * place, object stores with conditional create make the object visible when its upload ends, and
 * others (HDFS) rename. The temporary files are hidden: their names begin with a dot.
 */
public final class Storage {

  /** The largest file that is read whole, as manifests and tokenizers are. */
  public static final int MAX_WHOLE_BYTES = 1 << 26;

  /** What s3a throws then; its classes are there at run time only. */
  private static final String NO_BUCKET = "UnknownStoreException";

  private static final String S3A_INPUT_STREAM = "fs.s3a.input.stream.type";

  private final FileSystem fileSystem;

  private Storage(FileSystem fileSystem) {
    this.fileSystem = fileSystem;
  }

  /**
   * A path as the user wrote it.
   *
   * @throws ConfigurationException if it is none
   */
  public static Path path(String text) {
    try {
      return new Path(text);
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(
          "\"" + text + "\" is not a path: " + e.getMessage() + ".", e);
    }
  }

  /**
   * The storage that holds {@code path}.
   *
   * @throws ConfigurationException if the path has a scheme that no file system serves
   */
  public static Storage of(Configuration hadoop, Path path) {
    try {
      FileSystem found = path.getFileSystem(withDefaults(hadoop));
      // Every file of ours carries its own checksum; Hadoop's .crc files would only be in the way.
      return new Storage(found instanceof LocalFileSystem local ? local.getRawFileSystem() : found);
    } catch (IOException | IllegalArgumentException e) {
      throw new ConfigurationException(
          "No file system serves " + path + ": " + e.getMessage() + ". Check the path.", e);
    }
  }

  /** Hadoop's own default for reading from S3 needs a library that is not among ours. */
  private static Configuration withDefaults(Configuration hadoop) {
    if (hadoop.get(S3A_INPUT_STREAM) != null) {
      return hadoop;
    }
    Configuration complete = new Configuration(hadoop);
    complete.set(S3A_INPUT_STREAM, "classic");
    return complete;
  }

  /** Wraps a file system as it is. */
  public static Storage of(FileSystem fileSystem) {
    return new Storage(
        fileSystem instanceof LocalFileSystem local ? local.getRawFileSystem() : fileSystem);
  }

  public FileSystem fileSystem() {
    return fileSystem;
  }

  /** Whether files of this storage can be opened with {@link #localPath}. */
  public boolean isLocal() {
    return fileSystem instanceof RawLocalFileSystem;
  }

  /** The file of the local disk that {@code path} names; only where {@link #isLocal}. */
  public java.nio.file.Path localPath(Path path) {
    return ((RawLocalFileSystem) fileSystem).pathToFile(path).toPath();
  }

  /**
   * The whole content of a file, or empty if there is none.
   *
   * @throws DataException if it is there but may not be read, is larger than {@link
   *     #MAX_WHOLE_BYTES}, or the local disk does not give it
   * @throws InfrastructureException if a remote storage fails, several times
   */
  public Optional<byte[]> readIfPresent(Path path) {
    try {
      return Optional.of(Retry.USUAL.call(() -> readAll(path)));
    } catch (FileNotFoundException e) {
      return Optional.empty();
    } catch (IOException e) {
      if (isLocal()) {
        throw new DataException("Cannot read " + path + ": " + e.getMessage() + ".", e);
      }
      throw readFailure(path, e);
    }
  }

  private byte[] readAll(Path path) throws IOException {
    try (InputStream in = fileSystem.open(path)) {
      byte[] content = in.readNBytes(MAX_WHOLE_BYTES + 1);
      if (content.length > MAX_WHOLE_BYTES) {
        throw new DataException(
            path + " is larger than " + MAX_WHOLE_BYTES + " bytes; it is not what belongs there.");
      }
      return content;
    }
  }

  /**
   * The whole content of a file.
   *
   * @param what what the file is to the user, for the message: "The manifest"
   * @throws DataException if it is missing, or as {@link #readIfPresent}
   * @throws InfrastructureException if a remote storage fails, several times
   */
  public byte[] read(Path path, String what) {
    return readIfPresent(path)
        .orElseThrow(() -> new DataException(what + " is missing: there is no file " + path + "."));
  }

  /**
   * Writes a small file unless the path is taken, in one atomic step. Of several writers at once,
   * exactly one wins. A lost reply is told from a lost race by reading back, so writers that must
   * be told apart put something of their own into the content.
   *
   * @return true if the path now holds exactly {@code content}, written by this call or by another
   *     writer of the same content; false if it holds something else, which is left untouched
   * @throws ConfigurationException if the file system has no atomic way to create a file
   * @throws InfrastructureException if several attempts failed and nothing was written
   * @throws UnknownStateException if it cannot be told whether the write took effect
   */
  public boolean createIfAbsent(Path path, byte[] content) {
    return ConditionalCreate.on(this, Retry.USUAL).create(path, content);
  }

  /**
   * Copies a finished local file to {@code target}; readers see the whole file or none. A file that
   * is already there is replaced: use it only for files whose content follows from their name.
   *
   * @throws InfrastructureException if the file could not be written
   */
  public void publish(java.nio.file.Path finished, Path target) {
    try {
      if (isLocal()) {
        publishLocally(finished, localPath(target));
      } else if (hasConditionalPut(target)) {
        copy(finished, target);
      } else {
        publishByRename(finished, target);
      }
    } catch (IOException e) {
      throw writeFailure(target, e);
    }
  }

  private static void publishLocally(java.nio.file.Path finished, java.nio.file.Path target)
      throws IOException {
    java.nio.file.Path temporary = temporarySibling(target);
    Files.createDirectories(parent(target));
    try {
      // A copy by stream has the permissions of a new file, not those of the temporary one.
      try (OutputStream out = Files.newOutputStream(temporary)) {
        Files.copy(finished, out);
      }
      ConditionalCreate.force(temporary, StandardOpenOption.WRITE);
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private void publishByRename(java.nio.file.Path finished, Path target) throws IOException {
    Path temporary = temporarySibling(target);
    try {
      copy(finished, temporary);
      fileSystem.delete(target, false);
      if (!fileSystem.rename(temporary, target) && !fileSystem.exists(target)) {
        throw new IOException("the file system refused to rename " + temporary);
      }
    } finally {
      fileSystem.delete(temporary, false);
    }
  }

  private void copy(java.nio.file.Path from, Path to) throws IOException {
    try (OutputStream out = fileSystem.create(to, true)) {
      Files.copy(from, out);
    }
  }

  boolean hasConditionalPut(Path path) throws IOException {
    return fileSystem.hasPathCapability(
        path, CreateFileOptionKeys.FS_OPTION_CREATE_CONDITIONAL_OVERWRITE);
  }

  static java.nio.file.Path temporarySibling(java.nio.file.Path target) {
    return target.resolveSibling(temporaryName(String.valueOf(target.getFileName())));
  }

  static Path temporarySibling(Path target) {
    return new Path(target.getParent(), temporaryName(target.getName()));
  }

  private static String temporaryName(String name) {
    return "." + name + "." + UUID.randomUUID() + ".tmp";
  }

  private static java.nio.file.Path parent(java.nio.file.Path path) {
    return path.toAbsolutePath().getParent();
  }

  /** Explains the error that Hadoop's local file system throws when the disk fails a write. */
  public static InfrastructureException diskFailure(FSError error) {
    return error.getCause() instanceof IOException cause
        ? writeFailure("to the local disk", cause)
        : new InfrastructureException("The local disk failed: " + error.getMessage() + ".", error);
  }

  /**
   * Explains to the user why a file cannot be read or a folder cannot be listed: an {@link
   * InfrastructureException} where another try may help, a {@link DataException} where it will not.
   */
  public static SparkhawkException readFailure(Object target, IOException cause) {
    if (cause instanceof AccessDeniedException || cause instanceof AccessControlException) {
      return new DataException(
          "Access to " + target + " is denied: " + cause.getMessage() + ". Check the credential.",
          cause);
    }
    if (cause.getClass().getSimpleName().equals(NO_BUCKET)) {
      return new DataException(
          target + " is in a bucket that does not exist. Check the path and the endpoint.", cause);
    }
    return new InfrastructureException(
        "Cannot read "
            + target
            + ": "
            + cause
            + ". Check that the storage is reachable and run the same command again.",
        cause);
  }

  /** Explains a failed write to the user; a full disk is named as such. */
  public static InfrastructureException writeFailure(Object target, IOException cause) {
    String reason = String.valueOf(cause.getMessage());
    if (reason.contains("No space left on device") || reason.contains("Disk quota exceeded")) {
      return new InfrastructureException(
          "Cannot write "
              + target
              + ": no space left on the device. Free some space and run the same command again.",
          cause);
    }
    return new InfrastructureException(
        "Cannot write "
            + target
            + ": "
            + cause.getClass().getSimpleName()
            + ": "
            + reason
            + ". Check that the folder is writable and run the same command again.",
        cause);
  }
}
