package io.sparkhawk.driver.progress;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.IOUtils;

/**
 * A file that grows by whole records.
 *
 * <p>Where the file system can append (local disks, HDFS) a record is in the file when {@link #add}
 * returns. Where it cannot (object stores) records are kept in memory, and {@link #persist}
 * replaces the whole file.
 *
 * <p>A record that could not be written whole is cut off before the next one is written.
 *
 * <p>Not for several threads at once.
 */
interface LogFile extends Closeable {

  /** Adds a record. */
  void add(byte[] entry) throws IOException;

  /** Makes all records so far durable. */
  void persist() throws IOException;

  /** Makes all records durable and releases the file. */
  @Override
  void close() throws IOException;

  /**
   * Starts a new file.
   *
   * @throws org.apache.hadoop.fs.FileAlreadyExistsException if the file system appends and the file
   *     is there
   */
  static LogFile create(FileSystem plain, Path file) throws IOException {
    return appends(plain, file)
        ? new AppendedFile(plain, file, plain.create(file, false), 0)
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
  final class AppendedFile implements LogFile {

    private final FileSystem fileSystem;
    private final Path file;
    private FSDataOutputStream out;

    /** Bytes of the file that are whole records. */
    private long whole;

    /** Whether the stream may hold, and the file end with, a part of a record. */
    private boolean broken;

    private AppendedFile(FileSystem fileSystem, Path file, FSDataOutputStream out, long whole) {
      this.fileSystem = fileSystem;
      this.file = file;
      this.out = out;
      this.whole = whole;
    }

    private static AppendedFile openLines(FileSystem fileSystem, Path file) throws IOException {
      if (!fileSystem.exists(file)) {
        return new AppendedFile(fileSystem, file, fileSystem.create(file, false), 0);
      }
      long length = fileSystem.getFileStatus(file).getLen();
      boolean cutShort = !endsWithNewline(fileSystem, file, length);
      AppendedFile opened = new AppendedFile(fileSystem, file, fileSystem.append(file), length);
      if (cutShort) {
        opened.add(new byte[] {'\n'});
      }
      return opened;
    }

    private static boolean endsWithNewline(FileSystem fileSystem, Path file, long length)
        throws IOException {
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
      mend();
      broken = true;
      out.write(entry);
      out.hflush();
      broken = false;
      whole += entry.length;
    }

    @Override
    public void persist() throws IOException {
      mend();
      out.hsync();
    }

    @Override
    public void close() throws IOException {
      mend();
      out.close();
    }

    /** After a failed write: a new stream, behind the last record that is whole. */
    private void mend() throws IOException {
      if (!broken) {
        return;
      }
      IOUtils.closeStream(out); // It may write what it still holds, or fail to once more.
      if (fileSystem.getFileStatus(file).getLen() > whole) {
        fileSystem.truncate(file, whole);
      }
      out = fileSystem.append(file);
      broken = false;
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
