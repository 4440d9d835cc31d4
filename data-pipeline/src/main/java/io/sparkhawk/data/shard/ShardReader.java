package io.sparkhawk.data.shard;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import io.sparkhawk.data.storage.Checksum;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.message.ArrowBlock;

/**
 * Reads the rows of one shard from a memory-mapped local file, a batch at a time. Not for several
 * threads at once.
 */
public final class ShardReader implements AutoCloseable {

  /** Bounds what a batch may take: the ids of one, compressed and not, fit many times. */
  private static final long MAX_MEMORY_BYTES = 256L << 20;

  /** A batch holds about 16 thousand ids, or one row. */
  private static final int MAX_BATCH_IDS = 1 << 25;

  private final Path file;
  private final BufferAllocator allocator;
  private final ArrowFileReader arrow;
  private final ShardFormat format;
  private final List<ArrowBlock> blocks;
  private final int rows;
  private final int rowsPerBatch;

  private ShardReader(Path file, BufferAllocator allocator, ArrowFileReader arrow)
      throws IOException {
    this.file = file;
    this.allocator = allocator;
    this.arrow = arrow;
    this.blocks = List.copyOf(arrow.getRecordBlocks());
    this.format =
        ShardFormat.recognize(file, arrow.getMetaData(), arrow.getVectorSchemaRoot().getSchema());
    this.rows = ShardFormat.number(file, arrow.getMetaData(), ShardFormat.ROWS_KEY);
    this.rowsPerBatch =
        ShardFormat.number(file, arrow.getMetaData(), ShardFormat.ROWS_PER_BATCH_KEY);
    if (rows < 0
        || rowsPerBatch < 1
        || (long) rowsPerBatch * format.rowLength() > MAX_BATCH_IDS
        || blocks.size() != batchCount(rows, rowsPerBatch)) {
      throw new DataException(
          file
              + " says that it has "
              + rows
              + " rows in batches of "
              + rowsPerBatch
              + ", but has "
              + blocks.size()
              + " batches. Prepare the data set again.");
    }
  }

  private static long batchCount(int rows, int rowsPerBatch) {
    return (rows + (long) rowsPerBatch - 1) / rowsPerBatch;
  }

  /**
   * Opens a shard that a manifest describes, after comparing its size and checksum: Arrow would
   * follow damaged lengths and offsets anywhere, so nothing of an unknown file is interpreted.
   *
   * @param format what the data set's rows look like
   * @throws DataException if the file is missing or is not exactly the one that was prepared
   */
  public static ShardReader open(Path file, ShardEntry expected, ShardFormat format) {
    MappedFile mapped = map(file);
    compare(file, "bytes", expected.bytes(), mapped.size());
    compare(file, "the SHA-256", expected.sha256(), Checksum.of(mapped.content()));
    ShardReader reader = open(file, mapped);
    try {
      compare(file, "rows", expected.rows(), (long) reader.rows);
      compare(file, "ids in a row", format.rowLength(), reader.format.rowLength());
      compare(file, "a vocabulary of", format.vocabularySize(), reader.format.vocabularySize());
      compare(file, "settings", format.settingsSha256(), reader.format.settingsSha256());
      return reader;
    } catch (DataException e) {
      reader.close();
      throw e;
    }
  }

  private static MappedFile map(Path file) {
    try {
      return MappedFile.open(file);
    } catch (NoSuchFileException e) {
      throw new DataException(
          "The shard " + file + " is missing. Restore it or prepare the data set again.", e);
    } catch (IOException e) {
      throw new DataException("Cannot read the shard " + file + ": " + e.getMessage() + ".", e);
    }
  }

  private static <T> void compare(Path file, String what, T expected, T found) {
    if (!expected.equals(found)) {
      throw new DataException(
          "The shard "
              + file
              + " is not the one that was prepared: expected "
              + what
              + " "
              + expected
              + ", found "
              + found
              + ". Restore it or prepare the data set again in an empty folder.");
    }
  }

  private static ShardReader open(Path file, MappedFile mapped) {
    BufferAllocator allocator = new RootAllocator(MAX_MEMORY_BYTES);
    ArrowFileReader arrow =
        new ArrowFileReader(mapped, allocator, CommonsCompressionFactory.INSTANCE);
    try {
      return new ShardReader(file, allocator, arrow);
    } catch (IOException | RuntimeException e) {
      DataException failure =
          e instanceof DataException explained
              ? explained
              : damaged(file, "it has no whole footer" + detail(e), e);
      closeAfter(failure, file, arrow, allocator);
      throw failure;
    }
  }

  private static void closeAfter(
      DataException failure, Path file, ArrowFileReader arrow, BufferAllocator allocator) {
    try {
      close(file, arrow, allocator);
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  private static DataException damaged(Path file, String why, Exception cause) {
    return new DataException(
        "The shard "
            + file
            + " is damaged or cut short ("
            + why
            + "). Restore it or prepare the data set again.",
        cause);
  }

  /** What Arrow says of the file; unchecked exceptions speak of its own insides. */
  private static String detail(Exception e) {
    return e instanceof IOException ? ": " + Shortened.of(e.getMessage()) : "";
  }

  public ShardFormat format() {
    return format;
  }

  public int rows() {
    return rows;
  }

  /** Rows of each batch; the last may have fewer. */
  public int rowsPerBatch() {
    return rowsPerBatch;
  }

  public int batches() {
    return blocks.size();
  }

  /**
   * Decompresses one batch: its rows one after the other. Row {@code r} of the shard is row {@code
   * r % rowsPerBatch} of batch {@code r / rowsPerBatch}.
   *
   * @throws DataException if the batch is damaged or holds an id outside the vocabulary
   */
  public int[] batch(int index) {
    int[] ids = load(index, Math.min(rowsPerBatch, rows - index * rowsPerBatch));
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= format.vocabularySize()) {
        throw new DataException(
            "Row "
                + (index * rowsPerBatch + i / format.rowLength())
                + " of the shard "
                + file
                + " holds the id "
                + ids[i]
                + ", outside the vocabulary of "
                + format.vocabularySize()
                + ". Prepare the data set again.");
      }
    }
    return ids;
  }

  private int[] load(int index, int expectedRows) {
    try {
      arrow.loadRecordBatch(blocks.get(index));
      VectorSchemaRoot root = arrow.getVectorSchemaRoot();
      FixedSizeListVector list = (FixedSizeListVector) root.getVector(ShardFormat.COLUMN);
      int expected = expectedRows * format.rowLength();
      int found = list.getDataVector().getValueCount();
      if (found != expected) {
        throw new DataException(
            "Batch %d of the shard %s should have %d ids, but has %d. Prepare the data set again."
                .formatted(index, file, expected, found));
      }
      int[] ids = format.tokenType().load(list.getDataVector());
      root.clear();
      return ids;
    } catch (DataException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw damaged(file, "batch " + index + " cannot be read" + detail(e), e);
    }
  }

  @Override
  public void close() {
    close(file, arrow, allocator);
  }

  private static void close(Path file, ArrowFileReader arrow, BufferAllocator allocator) {
    try {
      arrow.close();
    } catch (IOException e) {
      throw new DataException("Cannot close the shard " + file + ": " + e.getMessage() + ".", e);
    } finally {
      allocator.close();
    }
  }
}
