package io.sparkhawk.driver.progress;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/** A file system on which files can be made, but hold only as many bytes as there is room for. */
final class FullDisk extends RawLocalFileSystem {

  private long room;

  FullDisk(long room) {
    this.room = room;
    try {
      initialize(URI.create("file:///"), new Configuration());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** There is room for so many bytes now. */
  void makeRoom(long bytes) {
    room = bytes;
  }

  @Override
  protected OutputStream createOutputStream(Path file, boolean append) throws IOException {
    return limited(super.createOutputStream(file, append));
  }

  @Override
  protected OutputStream createOutputStreamWithMode(
      Path file, boolean append, FsPermission permission) throws IOException {
    return limited(super.createOutputStreamWithMode(file, append, permission));
  }

  private OutputStream limited(OutputStream file) {
    return new FilterOutputStream(file) {
      @Override
      public void write(byte[] bytes, int offset, int length) throws IOException {
        int written = (int) Math.min(room, length);
        out.write(bytes, offset, written);
        room -= written;
        if (written < length) {
          throw new IOException("No space left on device");
        }
      }

      @Override
      public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
      }
    };
  }
}
