package io.sparkhawk.driver.progress;

import java.io.IOException;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.util.Progressable;

/** A local folder that behaves like an object store: files cannot be appended to. */
final class ObjectStore extends RawLocalFileSystem {

  static ObjectStore open() throws IOException {
    ObjectStore store = new ObjectStore();
    store.initialize(URI.create("file:///"), new Configuration());
    return store;
  }

  @Override
  public boolean hasPathCapability(Path path, String capability) throws IOException {
    return !capability.equals(CommonPathCapabilities.FS_APPEND)
        && super.hasPathCapability(path, capability);
  }

  @Override
  public FSDataOutputStream append(Path file, int bufferSize, Progressable progress)
      throws IOException {
    throw new IOException("an object cannot be appended to: " + file);
  }
}
