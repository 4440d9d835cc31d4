package io.sparkhawk.executor.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FilterFileSystem;
import org.apache.hadoop.fs.Options.CreateFileOptionKeys;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/**
 * Test help: a file system over local files that creates conditionally as an object store does,
 * when a stream is closed, and fails where it is told to.
 */
final class FaultyFileSystem extends FilterFileSystem {

  /** What happens to a conditional create. */
  enum Put {
    WORKS,
    FAILS,
    WORKS_BUT_THE_REPLY_IS_LOST
  }

  private final RawLocalFileSystem local;
  private Predicate<Path> diskFullFor = path -> false;
  private Predicate<Path> unreadable = path -> false;
  private Put put = Put.WORKS;
  private Runnable beforePut = () -> {};
  private Consumer<Path> beforeCreate = path -> {};
  private int puts;

  private FaultyFileSystem(RawLocalFileSystem local) {
    super(local);
    this.local = local;
  }

  static FaultyFileSystem create() throws IOException {
    RawLocalFileSystem local = new RawLocalFileSystem();
    local.initialize(URI.create("file:///"), new Configuration(false));
    return new FaultyFileSystem(local);
  }

  FaultyFileSystem diskFullFor(Predicate<Path> paths) {
    diskFullFor = paths;
    return this;
  }

  FaultyFileSystem unreadable(Predicate<Path> paths) {
    unreadable = paths;
    return this;
  }

  FaultyFileSystem put(Put how) {
    put = how;
    return this;
  }

  /** Runs something just before the next conditional creates take effect. */
  FaultyFileSystem beforePut(Runnable action) {
    beforePut = action;
    return this;
  }

  /** Runs something just before a file is created, but for conditional creates. */
  FaultyFileSystem beforeCreate(Consumer<Path> action) {
    beforeCreate = action;
    return this;
  }

  int puts() {
    return puts;
  }

  @Override
  public boolean hasPathCapability(Path path, String capability) throws IOException {
    return capability.equals(CreateFileOptionKeys.FS_OPTION_CREATE_CONDITIONAL_OVERWRITE)
        || super.hasPathCapability(path, capability);
  }

  @Override
  public FSDataOutputStream create(Path path, boolean overwrite) throws IOException {
    beforeCreate.accept(path);
    FSDataOutputStream out = super.create(path, overwrite);
    if (!diskFullFor.test(path)) {
      return out;
    }
    OutputStream full =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("No space left on device");
          }

          @Override
          public void close() throws IOException {
            out.close();
          }
        };
    return new FSDataOutputStream(full, null);
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    if (unreadable.test(path)) {
      throw new IOException("Connection reset");
    }
    return super.open(path, bufferSize);
  }

  @Override
  public FSDataOutputStreamBuilder<?, ?> createFile(Path path) {
    return new ConditionalBuilder(path);
  }

  private final class ConditionalBuilder
      extends FSDataOutputStreamBuilder<FSDataOutputStream, ConditionalBuilder> {

    private final Path path;

    ConditionalBuilder(Path path) {
      super(FaultyFileSystem.this, path);
      this.path = path;
    }

    @Override
    public ConditionalBuilder getThisBuilder() {
      return this;
    }

    @Override
    public FSDataOutputStream build() throws IOException {
      if (!getOptions()
          .getBoolean(CreateFileOptionKeys.FS_OPTION_CREATE_CONDITIONAL_OVERWRITE, false)) {
        throw new IllegalStateException("the manifest is not created conditionally");
      }
      ByteArrayOutputStream content =
          new ByteArrayOutputStream() {
            @Override
            public void close() throws IOException {
              put(path, toByteArray());
            }
          };
      return new FSDataOutputStream(content, null);
    }
  }

  private void put(Path path, byte[] content) throws IOException {
    puts++;
    beforePut.run();
    if (put == Put.FAILS) {
      throw new IOException("503 Slow Down");
    }
    try {
      Files.write(local.pathToFile(path).toPath(), content, StandardOpenOption.CREATE_NEW);
    } catch (FileAlreadyExistsException e) {
      throw new IOException("412 Precondition Failed", e);
    }
    if (put == Put.WORKS_BUT_THE_REPLY_IS_LOST) {
      throw new IOException("Connection reset");
    }
  }
}
