package io.sparkhawk.data.shard;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Storage;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.compression.CompressionUtil.CodecType;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.ipc.message.IpcOption;

/**
 * Writes the rows of one shard to a local file. The file is whole only after {@link #finish}; a
 * writer that is closed without it leaves a file that no reader accepts.
 */
public final class ShardWriter implements AutoCloseable {

  private static final int ZSTD_LEVEL = 3;

  private final Path file;
  private final ShardFormat format;
  private final int[] batch;
  private final BufferAllocator allocator;
  private final VectorSchemaRoot root;
  private final FileChannel channel;
  private final ArrowFileWriter arrow;
  private final Map<String, String> metadata;

  private int filled;
  private int rows;

  private ShardWriter(Path file, ShardFormat format, FileChannel channel) {
    this.file = file;
    this.format = format;
    this.channel = channel;
    this.batch = new int[format.rowsPerBatch() * format.rowLength()];
    this.metadata = format.metadata();
    this.allocator = new RootAllocator();
    this.root = VectorSchemaRoot.create(format.schema(), allocator);
    this.arrow =
        new ArrowFileWriter(
            root,
            new MapDictionaryProvider(),
            channel,
            metadata,
            IpcOption.DEFAULT,
            CommonsCompressionFactory.INSTANCE,
            CodecType.ZSTD,
            Optional.of(ZSTD_LEVEL));
  }

  /**
   * Begins a shard; a file of that name is replaced.
   *
   * @throws InfrastructureException if the file cannot be written
   */
  public static ShardWriter create(Path file, ShardFormat format) {
    try {
      FileChannel channel =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE);
      ShardWriter writer = new ShardWriter(file, format, channel);
      writer.arrow.start();
      return writer;
    } catch (IOException e) {
      throw Storage.writeFailure(file, e);
    }
  }

  /**
   * Appends the row {@code ids[offset .. offset + rowLength)}.
   *
   * @throws DataException if an id is not in the vocabulary
   * @throws InfrastructureException if the file cannot be written
   */
  public void add(int[] ids, int offset) {
    for (int i = 0; i < format.rowLength(); i++) {
      int id = ids[offset + i];
      if (id < 0 || id >= format.vocabularySize()) {
        throw new DataException(
            "Id "
                + id
                + " at place "
                + i
                + " of row "
                + rows
                + " is outside the vocabulary of "
                + format.vocabularySize()
                + ": the tokenizer does not fit the model.");
      }
    }
    System.arraycopy(ids, offset, batch, filled, format.rowLength());
    filled += format.rowLength();
    rows++;
    if (filled == batch.length) {
      flush();
    }
  }

  private void flush() {
    FixedSizeListVector list = (FixedSizeListVector) root.getVector(ShardFormat.COLUMN);
    int count = filled / format.rowLength();
    list.setInitialCapacity(count);
    list.allocateNew();
    for (int row = 0; row < count; row++) {
      list.startNewValue(row);
    }
    format.tokenType().store(list.getDataVector(), batch, filled);
    list.setValueCount(count);
    root.setRowCount(count);
    try {
      arrow.writeBatch();
    } catch (IOException e) {
      throw Storage.writeFailure(file, e);
    }
    filled = 0;
  }

  /** Rows added so far. */
  public int rows() {
    return rows;
  }

  /**
   * Writes what is left and the footer.
   *
   * @throws InfrastructureException if the file cannot be written
   */
  public void finish() {
    if (filled > 0) {
      flush();
    }
    metadata.put(ShardFormat.ROWS_KEY, Integer.toString(rows));
    try {
      arrow.end();
    } catch (IOException e) {
      throw Storage.writeFailure(file, e);
    }
  }

  @Override
  public void close() {
    // Closing Arrow's writer would write the footer of an unfinished file; its buffers are ours.
    root.close();
    allocator.close();
    try {
      channel.close();
    } catch (IOException e) {
      throw Storage.writeFailure(file, e);
    }
  }
}
