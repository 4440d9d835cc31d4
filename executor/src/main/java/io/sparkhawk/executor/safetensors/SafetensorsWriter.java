package io.sparkhawk.executor.safetensors;

import io.sparkhawk.data.error.InfrastructureException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * Writes safetensors files. The tensors' data follows the header in the given order, without gaps,
 * so the whole can be streamed: the bytes depend on nothing but the arguments.
 *
 * <p>Use {@link #write} for tensors that are all at hand; {@link #start}, {@link #append} and
 * {@link #finish} for those that are made one by one.
 */
public final class SafetensorsWriter {

  private final WritableByteChannel out;
  private long missingBytes;

  private SafetensorsWriter(WritableByteChannel out, long dataBytes) {
    this.out = out;
    this.missingBytes = dataBytes;
  }

  /**
   * Writes a file that appears under its name only when it is complete and on disk; an existing one
   * is replaced.
   *
   * @param file the file; its folder must exist
   * @param metadata strings for the header's {@code __metadata__}; may be empty
   * @param tensors the tensors, in the order in which they are to lie in the file
   * @throws InfrastructureException if the file cannot be written; nothing is left of it
   */
  public static void write(
      Path file, Map<String, String> metadata, Collection<StoredTensor> tensors) {
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    try {
      try (FileChannel channel =
          FileChannel.open(
              partial,
              StandardOpenOption.WRITE,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        write(channel, metadata, tensors);
        channel.force(true);
      }
      Files.move(
          partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new InfrastructureException(
          "Safetensors file %s cannot be written: %s".formatted(file, e), e);
    } finally {
      deleteQuietly(partial);
    }
  }

  /** As {@link #write(Path, Map, Collection)}, to a stream that is neither flushed nor closed. */
  public static void write(
      OutputStream out, Map<String, String> metadata, Collection<StoredTensor> tensors)
      throws IOException {
    write(Channels.newChannel(out), metadata, tensors);
  }

  private static void write(
      WritableByteChannel out, Map<String, String> metadata, Collection<StoredTensor> tensors)
      throws IOException {
    List<TensorInfo> infos = tensors.stream().map(StoredTensor::info).toList();
    SafetensorsWriter writer = start(out, metadata, infos);
    for (StoredTensor tensor : tensors) {
      writer.append(tensor.data());
    }
    writer.finish();
  }

  /** Writes the header of a file whose tensors' data follows through {@link #append}. */
  public static SafetensorsWriter start(
      WritableByteChannel out, Map<String, String> metadata, Collection<TensorInfo> tensors)
      throws IOException {
    SafetensorsHeader header = SafetensorsHeader.laidOut(metadata, tensors);
    byte[] json = header.toBytes();
    ByteBuffer start = ByteBuffer.allocate(Long.BYTES + json.length).order(ByteOrder.LITTLE_ENDIAN);
    writeFully(out, start.putLong(json.length).put(json).flip());
    return new SafetensorsWriter(out, header.dataBytes());
  }

  /**
   * Writes the next bytes of the data, which may be any part of a tensor or cross into the next;
   * the buffer's position moves to its limit.
   *
   * @throws IllegalArgumentException if the tensors have fewer bytes left than that
   */
  public void append(ByteBuffer data) throws IOException {
    if (data.remaining() > missingBytes) {
      throw new IllegalArgumentException(
          "%d bytes given, but the tensors lack only %d".formatted(data.remaining(), missingBytes));
    }
    missingBytes -= data.remaining();
    writeFully(out, data);
  }

  /**
   * Checks that all data was written. Neither flushes nor closes what it was written to.
   *
   * @throws IllegalStateException if data is missing
   */
  public void finish() {
    if (missingBytes != 0) {
      throw new IllegalStateException("the tensors lack %d bytes".formatted(missingBytes));
    }
  }

  private static void writeFully(WritableByteChannel out, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException ignored) {
      // After a success it is gone already; a failure that led here is the one to report.
    }
  }
}
