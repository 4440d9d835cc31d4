package io.sparkhawk.data.shard;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A memory-mapped file as the channel that Arrow's reader asks for. */
final class MappedFile implements SeekableByteChannel {

  private final ByteBuffer content;
  private boolean open = true;

  private MappedFile(ByteBuffer content) {
    this.content = content;
  }

  static MappedFile open(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() > Integer.MAX_VALUE) {
        throw new IOException("it is larger than 2 GiB");
      }
      return new MappedFile(channel.map(MapMode.READ_ONLY, 0, channel.size()));
    }
  }

  /** The whole file, with a position of its own. */
  ByteBuffer content() {
    return content.duplicate().rewind();
  }

  @Override
  public int read(ByteBuffer target) {
    if (!content.hasRemaining()) {
      return -1;
    }
    int count = Math.min(content.remaining(), target.remaining());
    target.put(target.position(), content, content.position(), count);
    target.position(target.position() + count);
    content.position(content.position() + count);
    return count;
  }

  @Override
  public long position() {
    return content.position();
  }

  @Override
  public SeekableByteChannel position(long position) throws IOException {
    if (position < 0 || position > content.limit()) {
      throw new IOException(
          "position " + position + " is outside the file of " + content.limit() + " bytes");
    }
    content.position((int) position);
    return this;
  }

  @Override
  public long size() {
    return content.limit();
  }

  @Override
  public int write(ByteBuffer source) {
    throw new NonWritableChannelException();
  }

  @Override
  public SeekableByteChannel truncate(long size) {
    throw new NonWritableChannelException();
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public void close() {
    open = false;
  }
}
