package io.sparkhawk.driver.progress;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/** A file system whose files can be made but hold nothing. */
final class FullDisk extends RawLocalFileSystem {

  FullDisk() {
    try {
      initialize(URI.create("file:///"), new Configuration());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public FSDataOutputStream create(Path file, boolean overwrite) throws IOException {
    return new FSDataOutputStream(
        new OutputStream() {
          @Override
          public void write(int value) throws IOException {
            throw new IOException("No space left on device");
          }
        },
        null);
  }
}
