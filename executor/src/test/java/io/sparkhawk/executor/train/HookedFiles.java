package io.sparkhawk.executor.train;

import java.io.IOException;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/**
 * Test help: local files whose creation a test can delay or fail. Hadoop makes file systems by
 * their class names, so what happens is static: a test sets it and resets it.
 */
public final class HookedFiles extends RawLocalFileSystem {

  static final Hook NOTHING = path -> {};
  private static volatile Hook beforeCreate = NOTHING;

  /** Happens in the thread that creates a file. */
  @FunctionalInterface
  interface Hook {
    void before(Path file) throws IOException;
  }

  /** Runs something before each file is created. */
  static void beforeCreate(Hook action) {
    beforeCreate = action;
  }

  @Override
  public FSDataOutputStream create(Path path, boolean overwrite) throws IOException {
    beforeCreate.before(path);
    return super.create(path, overwrite);
  }
}
