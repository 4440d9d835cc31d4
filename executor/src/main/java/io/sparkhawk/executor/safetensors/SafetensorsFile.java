package io.sparkhawk.executor.safetensors;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Set;

/**
 * A safetensors file, opened for reading: the header is read and checked at once, and each tensor
 * is mapped into memory when it is asked for.
 *
 * <p>Every method throws {@link DataException} for what is wrong with the file and {@link
 * InfrastructureException} when it cannot be read. Safe for use by many threads.
 */
public final class SafetensorsFile implements AutoCloseable {

  private final Path path;
  private final FileChannel channel;
  private final long dataStart;
  private final SafetensorsHeader header;

  private SafetensorsFile(
      Path path, FileChannel channel, long dataStart, SafetensorsHeader header) {
    this.path = path;
    this.channel = channel;
    this.dataStart = dataStart;
    this.header = header;
  }

  /** Opens a file and checks its header against its size. */
  public static SafetensorsFile open(Path path) {
    FileChannel channel = openChannel(path);
    try {
      SafetensorsFile file = readHeader(path, channel);
      channel = null;
      return file;
    } catch (IOException e) {
      throw unreadable(path, e);
    } finally {
      closeQuietly(channel);
    }
  }

  private static FileChannel openChannel(Path path) {
    try {
      return FileChannel.open(path, StandardOpenOption.READ);
    } catch (NoSuchFileException e) {
      throw new DataException("Safetensors file %s does not exist.".formatted(path), e);
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  private static SafetensorsFile readHeader(Path path, FileChannel channel) throws IOException {
    long fileBytes = channel.size();
    if (fileBytes < Long.BYTES) {
      throw new DataException(
          "Safetensors file %s has only %d bytes; it is truncated.".formatted(path, fileBytes));
    }
    long headerBytes = read(channel, 0, Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (headerBytes < 0 || headerBytes > SafetensorsHeader.MAX_BYTES) {
      throw new DataException(
          ("Safetensors file %s claims a header of %s bytes; at most %d are allowed, so it"
                  + " is corrupt or not a safetensors file.")
              .formatted(path, Long.toUnsignedString(headerBytes), SafetensorsHeader.MAX_BYTES));
    }
    long dataStart = Long.BYTES + headerBytes;
    if (dataStart > fileBytes) {
      throw new DataException(
          "Safetensors file %s has %d bytes, but its header alone needs %d; it is truncated."
              .formatted(path, fileBytes, dataStart));
    }
    byte[] json = read(channel, Long.BYTES, (int) headerBytes).array();
    SafetensorsHeader header =
        SafetensorsHeader.parse(path.toString(), json, fileBytes - dataStart);
    return new SafetensorsFile(path, channel, dataStart, header);
  }

  private static ByteBuffer read(FileChannel channel, long position, int length)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, position + bytes.position()) < 0) {
        throw new EOFException("the file became shorter while it was read");
      }
    }
    return bytes.flip();
  }

  /** The file's path. */
  public Path path() {
    return path;
  }

  /** The strings of the header's {@code __metadata__}. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /** The tensors' names, in the order of their data. */
  public Set<String> names() {
    return header.entries().keySet();
  }

  /** Type and shape of a tensor; a {@link DataException} if there is none of this name. */
  public TensorInfo info(String name) {
    return entry(name).info();
  }

  /**
   * Maps a tensor. The data stays valid after {@link #close}; its memory is the page cache's.
   *
   * <p>A tensor of 2 GiB or more does not fit one buffer: read it by {@link #bytes}.
   */
  public StoredTensor tensor(String name) {
    TensorInfo info = entry(name).info();
    if (info.byteSize() > Integer.MAX_VALUE) {
      throw new DataException(
          ("Tensor %s in safetensors file %s has %d bytes; tensors of 2 GiB or more cannot"
                  + " be mapped whole.")
              .formatted(name, path, info.byteSize()));
    }
    return StoredTensor.of(info, bytes(name, 0, (int) info.byteSize()));
  }

  /**
   * Maps part of a tensor's data, read-only and little endian.
   *
   * @param name the tensor
   * @param from first byte, counted from the start of the tensor
   * @param length number of bytes
   * @throws IndexOutOfBoundsException if the part does not lie within the tensor
   */
  public ByteBuffer bytes(String name, long from, int length) {
    SafetensorsHeader.Entry entry = entry(name);
    if (from < 0 || length < 0 || from > entry.info().byteSize() - length) {
      throw new IndexOutOfBoundsException(
          "bytes %d to %d of tensor %s, which has %d"
              .formatted(from, from + length, name, entry.info().byteSize()));
    }
    if (length == 0) {
      return ByteBuffer.allocate(0).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }
    try {
      return channel
          .map(FileChannel.MapMode.READ_ONLY, dataStart + entry.begin() + from, length)
          .order(ByteOrder.LITTLE_ENDIAN);
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  private SafetensorsHeader.Entry entry(String name) {
    SafetensorsHeader.Entry entry = header.entries().get(name);
    if (entry == null) {
      throw new DataException(
          "Safetensors file %s has no tensor %s; it has %d others."
              .formatted(path, name, header.entries().size()));
    }
    return entry;
  }

  /** Closes the file; tensors that were mapped stay valid. Does not throw. */
  @Override
  public void close() {
    closeQuietly(channel);
  }

  private static void closeQuietly(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException ignored) {
        // Nothing was written, so nothing can be lost.
      }
    }
  }

  private static InfrastructureException unreadable(Path path, IOException e) {
    return new InfrastructureException(
        "Safetensors file %s cannot be read: %s".formatted(path, e), e);
  }
}
