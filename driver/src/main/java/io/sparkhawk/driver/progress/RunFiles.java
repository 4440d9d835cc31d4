package io.sparkhawk.driver.progress;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.Optional;
import org.apache.hadoop.fs.ChecksumFileSystem;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** Reads and writes the small files of a run folder, whole. */
public final class RunFiles {

  private RunFiles() {}

  /**
   * The file system without Hadoop's hidden checksum files, which would refuse a file that a person
   * has edited and cannot be appended to.
   */
  public static FileSystem plain(FileSystem fileSystem) {
    return fileSystem instanceof ChecksumFileSystem checked
        ? checked.getRawFileSystem()
        : fileSystem;
  }

  /**
   * Replaces the content of {@code file}; its folder is made if need be.
   *
   * @throws InfrastructureException if it cannot be written
   */
  public static void write(FileSystem fileSystem, Path file, byte[] content) {
    try (FSDataOutputStream out = plain(fileSystem).create(file, true)) {
      out.write(content);
    } catch (IOException e) {
      throw unwritable(file, e);
    }
  }

  /**
   * The content of {@code file}, or nothing if there is no such file.
   *
   * @throws DataException if it is there but cannot be read
   */
  public static Optional<byte[]> read(FileSystem fileSystem, Path file) {
    try (FSDataInputStream in = plain(fileSystem).open(file)) {
      return Optional.of(in.readAllBytes());
    } catch (FileNotFoundException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new DataException(
          "Cannot read " + file + ": " + e.getMessage() + ". Check the path and its permissions.",
          e);
    }
  }

  static InfrastructureException unwritable(Path file, IOException cause) {
    return new InfrastructureException(
        "Cannot write "
            + file
            + ": "
            + cause.getMessage()
            + ". Check that the storage is there, writable and not full.",
        cause);
  }
}
