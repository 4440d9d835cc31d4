package io.sparkhawk.data.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.Checksum;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShardTest {

  private static final ShardFormat FORMAT = new ShardFormat(8, 1000, "settings");

  @TempDir private Path folder;

  @Test
  void rowsComeBackAsTheyWereWritten() throws IOException {
    long seed = System.nanoTime();
    System.out.println("ShardTest seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 20; round++) {
      int rowLength = 1 + random.nextInt(5000);
      int vocabulary =
          random.nextBoolean() ? 1 + random.nextInt(65536) : 65537 + random.nextInt(100_000);
      ShardFormat format = new ShardFormat(rowLength, vocabulary, "settings");
      int[][] rows = randomRows(random, random.nextInt(40), format);
      Path file = write(format, rows);
      try (ShardReader reader = open(file, rows.length, format)) {
        assertThat(reader.format()).isEqualTo(format);
        assertThat(readAll(reader)).as("%s", format).isDeepEqualTo(rows);
      }
    }
  }

  private static int[][] randomRows(Random random, int count, ShardFormat format) {
    int[][] rows = new int[count][];
    for (int row = 0; row < count; row++) {
      rows[row] = random.ints(format.rowLength(), 0, format.vocabularySize()).toArray();
    }
    return rows;
  }

  private static int[][] readAll(ShardReader reader) {
    int rowLength = reader.format().rowLength();
    int[][] rows = new int[reader.rows()][];
    for (int row = 0; row < rows.length; row++) {
      int[] batch = reader.batch(row / reader.rowsPerBatch());
      int begin = row % reader.rowsPerBatch() * rowLength;
      rows[row] = Arrays.copyOfRange(batch, begin, begin + rowLength);
    }
    return rows;
  }

  private Path write(ShardFormat format, int[][] rows) {
    Path file = folder.resolve("shard.arrow");
    try (ShardWriter writer = ShardWriter.create(file, format)) {
      for (int[] row : rows) {
        writer.add(row, 0);
      }
      writer.finish();
    }
    return file;
  }

  private Path writeNumbers(int rows) {
    int[][] numbers = new int[rows][FORMAT.rowLength()];
    for (int row = 0; row < rows; row++) {
      Arrays.fill(numbers[row], row % FORMAT.vocabularySize());
    }
    return write(FORMAT, numbers);
  }

  @Test
  void sameRowsGiveTheSameBytes() throws IOException {
    byte[] first = Files.readAllBytes(writeNumbers(10_000));
    assertThat(Files.readAllBytes(writeNumbers(10_000))).isEqualTo(first);
  }

  @ParameterizedTest
  @CsvSource({"65536, 2", "65537, 4"})
  void idsAreStoredAsSmallAsTheVocabularyAllows(int vocabulary, int bytesPerId) throws IOException {
    ShardFormat format = new ShardFormat(8, vocabulary, "settings");
    Path file = write(format, new int[][] {{0, 1, 2, 3, 4, 5, 6, vocabulary - 1}});
    try (RootAllocator allocator = new RootAllocator();
        ArrowFileReader arrow =
            new ArrowFileReader(
                Files.newByteChannel(file), allocator, CommonsCompressionFactory.INSTANCE)) {
      arrow.loadNextBatch();
      FixedSizeListVector tokens =
          (FixedSizeListVector) arrow.getVectorSchemaRoot().getVector("tokens");
      assertThat(tokens.getListSize()).isEqualTo(8);
      assertThat(tokens.getDataVector().getDataBuffer().readableBytes()).isEqualTo(8L * bytesPerId);
      assertThat(tokens.getObject(0)).hasSize(8);
    }
  }

  @Test
  void batchesAreBounded() throws IOException {
    try (ShardReader reader = open(writeNumbers(10_000), 10_000, FORMAT)) {
      assertThat(reader.rowsPerBatch()).isEqualTo(16384 / 8);
      assertThat(reader.batches()).isEqualTo(5);
      assertThat(reader.batch(4)).hasSize((10_000 - 4 * 2048) * 8);
    }
  }

  @Test
  void idOutsideTheVocabularyIsRefusedWhenWritten() {
    Path file = folder.resolve("shard.arrow");
    try (ShardWriter writer = ShardWriter.create(file, FORMAT)) {
      assertThatThrownBy(() -> writer.add(new int[] {0, 1, 2, 3, 4, 5, 6, 1000}, 0))
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll("1000", "place 7", "row 0");
    }
  }

  @Test
  void idOutsideTheVocabularyIsRefusedWhenRead() throws IOException {
    // A larger vocabulary is written, then the footer is made to promise a smaller one.
    Path file = write(new ShardFormat(2, 900, "settings"), new int[][] {{5, 899}});
    replace(file, "900", "800");
    try (ShardReader reader = open(file, 1, new ShardFormat(2, 800, "settings"))) {
      assertThatThrownBy(() -> reader.batch(0))
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll("899", "800", file.toString());
    }
  }

  private static void replace(Path file, String text, String by) throws IOException {
    byte[] content = Files.readAllBytes(file);
    String ascii = new String(content, StandardCharsets.ISO_8859_1);
    assertThat(ascii).contains(text);
    Files.write(file, ascii.replace(text, by).getBytes(StandardCharsets.ISO_8859_1));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.01, 0.3, 0.9, 0.999})
  void shardThatIsCutShortIsRefused(double share) throws IOException {
    Path file = writeNumbers(10_000);
    byte[] content = Files.readAllBytes(file);
    byte[] part = Arrays.copyOf(content, (int) (content.length * share));
    Files.write(file, part);
    assertThatThrownBy(() -> ShardReader.open(file, entry(content, 10_000, FORMAT), FORMAT).close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(
            file.toString(), "bytes " + content.length, "found " + part.length);
    assertThatThrownBy(() -> open(file, 10_000, FORMAT).close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(file.toString(), "cut short");
  }

  @Test
  void shardThatWasNotFinishedIsRefused() {
    Path file = folder.resolve("shard.arrow");
    try (ShardWriter writer = ShardWriter.create(file, FORMAT)) {
      writer.add(new int[8], 0);
    }
    assertThatThrownBy(() -> open(file, 1, FORMAT).close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(file.toString(), "cut short");
  }

  @Test
  void everyChangedByteIsNoticed() throws IOException {
    Path file = writeNumbers(100);
    byte[] content = Files.readAllBytes(file);
    ShardEntry entry = entry(content, 100, FORMAT);
    long seed = System.nanoTime();
    System.out.println("ShardTest seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 50; i++) {
      byte[] changed = content.clone();
      changed[random.nextInt(content.length)] ^= (byte) (1 << random.nextInt(8));
      Files.write(file, changed);
      assertThatThrownBy(() -> ShardReader.open(file, entry, FORMAT).close())
          .isInstanceOf(DataException.class)
          .hasMessageContainingAll(
              file.toString(), "SHA-256 " + Checksum.of(content), Checksum.of(changed));
    }
  }

  private static ShardEntry entry(byte[] content, int rows, ShardFormat format) {
    return new ShardEntry(
        "shard.arrow",
        rows,
        (long) rows * format.rowLength(),
        content.length,
        Checksum.of(ByteBuffer.wrap(content)));
  }

  /** Opens a file whose content is the expected one, whatever it is. */
  private static ShardReader open(Path file, int rows, ShardFormat format) throws IOException {
    return ShardReader.open(file, entry(Files.readAllBytes(file), rows, format), format);
  }

  @Test
  void shardOfAnotherShapeThanTheManifestsIsRefused() throws IOException {
    Path file = writeNumbers(100);
    byte[] content = Files.readAllBytes(file);
    assertRefused(file, entry(content, 99, FORMAT), FORMAT, "rows 99", "100");
    assertRefused(
        file,
        entry(content, 100, FORMAT),
        new ShardFormat(16, 1000, "settings"),
        "row 16",
        "found 8");
    assertRefused(
        file, entry(content, 100, FORMAT), new ShardFormat(8, 999, "settings"), "of 999", "1000");
    assertRefused(
        file,
        entry(content, 100, FORMAT),
        new ShardFormat(8, 1000, "other"),
        "other",
        "found settings");
  }

  private static void assertRefused(
      Path file, ShardEntry entry, ShardFormat format, String expected, String found) {
    assertThatThrownBy(() -> ShardReader.open(file, entry, format).close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(file.toString(), expected, found);
  }

  @Test
  void missingShardIsNamed() {
    Path file = folder.resolve("nowhere.arrow");
    ShardEntry entry = new ShardEntry("nowhere.arrow", 1, 8, 100, "0".repeat(64));
    assertThatThrownBy(() -> ShardReader.open(file, entry, FORMAT).close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("missing", file.toString());
  }

  @Test
  void otherVersionsAndOtherArrowFilesAreToldApart() throws IOException {
    Path file = writeNumbers(1);
    byte[] content = Files.readAllBytes(file);
    replace(file, "sparkhawk-tokens", "somebody-elses-0");
    assertThatThrownBy(() -> open(file, 1, FORMAT).close())
        .isInstanceOf(DataException.class)
        .hasMessageContaining("not a token shard");

    Files.write(file, content);
    replace(file, "sparkhawk.version", "sparkhawk.vermilo");
    assertThatThrownBy(() -> open(file, 1, FORMAT).close())
        .isInstanceOf(DataException.class)
        .hasMessageContaining("reads version 1");
  }
}
