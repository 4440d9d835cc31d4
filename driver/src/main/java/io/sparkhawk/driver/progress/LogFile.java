package io.sparkhawk.driver.progress;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A file that grows by whole records.
 *
 * <p>Where the file system can append (local disks, HDFS) a record is in the file when {@link #add}
 * returns. Where it cannot (object stores) records are kept in memory, and {@link #persist}
 * replaces the whole file.
 *
 * <p>Not for several threads at once.
 */
interface LogFile {

  /** Adds a record. */
  void add(byte[] entry) throws IOException;

  /** Makes all records so far durable. */
  void persist() throws IOException;

  /** Makes all records durable and releases the file. */
  void close() throws IOException;

  /**
   * Starts a new file.
   *
   * @throws org.apache.hadoop.fs.FileAlreadyExistsException if the file system appends and the file
   *     is there
   */
  static LogFile create(FileSystem plain, Path file) throws IOException {
    return appends(plain, file)
        ? new AppendedFile(plain.create(file, false))
        : new ReplacedFile(plain, file, new ByteArrayOutputStream());
  }

  /** Goes on with a file of lines, or starts it; a line that was cut short is ended first. */
  static LogFile openLines(FileSystem plain, Path file) throws IOException {
    return appends(plain, file)
        ? AppendedFile.openLines(plain, file)
        : ReplacedFile.openLines(plain, file);
  }

  private static boolean appends(FileSystem plain, Path file) throws IOException {
    return plain.hasPathCapability(file, CommonPathCapabilities.FS_APPEND);
  }

  /** A file of a file system that can append. */
  record AppendedFile(FSDataOutputStream out) implements LogFile {

    private static AppendedFile openLines(FileSystem fileSystem, Path file) throws IOException {
      if (!fileSystem.exists(file)) {
        return new AppendedFile(fileSystem.create(file, false));
      }
      boolean cutShort = !endsWithNewline(fileSystem, file);
      FSDataOutputStream out = fileSystem.append(file);
      if (cutShort) {
        out.write('\n');
      }
      return new AppendedFile(out);
    }

    private static boolean endsWithNewline(FileSystem fileSystem, Path file) throws IOException {
      long length = fileSystem.getFileStatus(file).getLen();
      if (length == 0) {
        return true;
      }
      try (FSDataInputStream in = fileSystem.open(file)) {
        in.seek(length - 1);
        return in.read() == '\n';
      }
    }

    @Override
    public void add(byte[] entry) throws IOException {
      out.write(entry);
      out.hflush();
    }

    @Override
    public void persist() throws IOException {
      out.hsync();
    }

    @Override
    public void close() throws IOException {
      out.close();
    }
  }

  /** An object, which is written anew as a whole. */
  record ReplacedFile(FileSystem fileSystem, Path file, ByteArrayOutputStream content)
      implements LogFile {

    private static ReplacedFile openLines(FileSystem fileSystem, Path file) {
      ByteArrayOutputStream content = new ByteArrayOutputStream();
      byte[] existing = RunFiles.read(fileSystem, file).orElse(new byte[0]);
      content.writeBytes(existing);
      if (existing.length > 0 && existing[existing.length - 1] != '\n') {
        content.write('\n');
      }
      return new ReplacedFile(fileSystem, file, content);
    }

    @Override
    public void add(byte[] entry) {
      content.writeBytes(entry);
    }

    @Override
    public void persist() throws IOException {
      try (FSDataOutputStream out = fileSystem.create(file, true)) {
        content.writeTo(out);
      }
    }

    @Override
    public void close() throws IOException {
      persist();
    }
  }
}
