package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.data.error.ConfigurationException;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options.CreateFileOptionKeys;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/**
 * Creates a small file as a whole, or not at all if there is one of this name: of any number of
 * processes that try, one succeeds, and nobody ever sees half of the file.
 *
 * <p>On an object store it is a conditional put. On local disks it is a hard link to a complete
 * file, since a link is made in one step and never replaces anything.
 */
interface ConditionalCreate {

  /**
   * Creates the file.
   *
   * @return whether this call created it; false if there already was one
   * @throws IOException if it failed; the file may exist all the same
   */
  boolean create(Path path, byte[] content) throws IOException;

  /** The way for a file system; refuses those that have none. */
  static ConditionalCreate on(FileSystem fileSystem) {
    if (fileSystem instanceof RawLocalFileSystem local) {
      return (path, content) -> link(local.pathToFile(path), content);
    }
    return (path, content) -> put(fileSystem, path, content);
  }

  private static boolean link(File target, byte[] content) throws IOException {
    java.nio.file.Path file = target.toPath();
    java.nio.file.Path folder = Files.createDirectories(file.getParent());
    java.nio.file.Path complete =
        folder.resolve("." + file.getFileName() + "." + UUID.randomUUID());
    try {
      try (FileChannel channel =
          FileChannel.open(complete, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.createLink(file, complete); // the commit
      force(folder);
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    } finally {
      Files.deleteIfExists(complete);
    }
  }

  /** Makes a new name in a folder survive a loss of power. */
  private static void force(java.nio.file.Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static boolean put(FileSystem fileSystem, Path path, byte[] content) throws IOException {
    FSDataOutputStream out;
    try {
      out = conditionally(fileSystem.createFile(path).overwrite(true)).build();
    } catch (IllegalArgumentException | UnsupportedOperationException e) {
      throw new ConfigurationException(
          ("%s cannot hold checkpoints: its file system has no conditional create. Use a local"
                  + " path or s3a.")
              .formatted(path),
          e);
    } catch (org.apache.hadoop.fs.FileAlreadyExistsException e) {
      return false;
    }
    try {
      out.write(content);
      out.close(); // the commit: the store decides when the upload ends
      return true;
    } catch (org.apache.hadoop.fs.FileAlreadyExistsException e) {
      return false;
    }
  }

  /** The option's setter gives back the builder as a type that has forgotten what it builds. */
  private static FSDataOutputStreamBuilder<?, ?> conditionally(
      FSDataOutputStreamBuilder<?, ?> builder) {
    builder.must(CreateFileOptionKeys.FS_OPTION_CREATE_CONDITIONAL_OVERWRITE, true);
    return builder;
  }
}
