package io.sparkhawk.data.storage;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FilterFileSystem;
import org.apache.hadoop.fs.Options.CreateFileOptionKeys;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/**
 * An object store on the local disk: a file appears when its stream is closed, and a conditional
 * create is refused then if the name is taken. It can lose its reply and fail to be read.
 */
final class ConditionalFileSystem extends FilterFileSystem {

  /** What happens when a stream is closed. */
  enum Close {
    WORKS,
    WRITES_BUT_LOSES_THE_REPLY,
    FAILS
  }

  private Close close = Close.WORKS;
  private boolean readable = true;

  private ConditionalFileSystem() {
    super(new RawLocalFileSystem());
  }

  static ConditionalFileSystem create() throws IOException {
    ConditionalFileSystem fileSystem = new ConditionalFileSystem();
    fileSystem.initialize(URI.create("file:///"), new Configuration());
    return fileSystem;
  }

  void onClose(Close behaviour) {
    close = behaviour;
  }

  void makeUnreadable() {
    readable = false;
  }

  @Override
  public boolean hasPathCapability(Path path, String capability) throws IOException {
    return capability.equals(CreateFileOptionKeys.FS_OPTION_CREATE_CONDITIONAL_OVERWRITE)
        || super.hasPathCapability(path, capability);
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    if (!readable) {
      throw new IOException("the store does not answer");
    }
    return super.open(path, bufferSize);
  }

  @Override
  public FSDataOutputStreamBuilder<FSDataOutputStream, ?> createFile(Path path) {
    return new Builder(path).create();
  }

  private final class Builder extends FSDataOutputStreamBuilder<FSDataOutputStream, Builder> {

    private final Path path;

    Builder(Path path) {
      super(ConditionalFileSystem.this, path);
      this.path = path;
    }

    @Override
    public Builder getThisBuilder() {
      return this;
    }

    @Override
    public FSDataOutputStream build() throws IOException {
      boolean conditional =
          getMandatoryKeys().contains(CreateFileOptionKeys.FS_OPTION_CREATE_CONDITIONAL_OVERWRITE);
      return new FSDataOutputStream(new Upload(path, conditional), null);
    }
  }

  private final class Upload extends ByteArrayOutputStream {

    private final java.nio.file.Path target;
    private final boolean conditional;

    Upload(Path path, boolean conditional) {
      this.target = java.nio.file.Path.of(path.toUri().getPath());
      this.conditional = conditional;
    }

    @Override
    public void close() throws IOException {
      if (close == Close.FAILS) {
        throw new IOException("connection reset");
      }
      if (conditional && Files.exists(target)) {
        throw new FileAlreadyExistsException("412 precondition failed");
      }
      Files.createDirectories(target.getParent());
      Files.write(target, toByteArray(), StandardOpenOption.CREATE);
      if (close == Close.WRITES_BUT_LOSES_THE_REPLY) {
        throw new IOException("connection reset");
      }
    }
  }
}
