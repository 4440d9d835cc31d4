package io.sparkhawk.executor.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {

  @TempDir private Path folder;

  /** The bytes of a file, made without the writer. */
  private Path handMade(String json, int dataBytes) throws IOException {
    byte[] header = json.getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(header.length).put(header);
    for (int i = 0; i < dataBytes; i++) {
      file.put((byte) i);
    }
    return Files.write(folder.resolve("hand-made.safetensors"), file.array());
  }

  private static List<StoredTensor> oneTensorOfEachType(Random random) {
    List<StoredTensor> tensors = new ArrayList<>();
    for (StoredType type : StoredType.values()) {
      long[] shape = {1 + random.nextInt(4), random.nextInt(4), 1 + random.nextInt(4)};
      byte[] data = new byte[(int) TensorInfo.of("any", type, shape).byteSize()];
      random.nextBytes(data);
      tensors.add(StoredTensor.of("layer." + type, type, shape, ByteBuffer.wrap(data)));
    }
    return tensors;
  }

  @Test
  void everyTypeComesBackAsItWasWritten() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Path path = folder.resolve("all.safetensors");
    List<StoredTensor> written = oneTensorOfEachType(new Random(seed));
    SafetensorsWriter.write(path, Map.of("format", "pt"), written);

    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.metadata()).containsExactly(Map.entry("format", "pt"));
      assertThat(file.names())
          .containsExactlyElementsOf(written.stream().map(StoredTensor::name).toList());
      for (StoredTensor expected : written) {
        StoredTensor actual = file.tensor(expected.name());
        assertThat(actual.info()).isEqualTo(expected.info());
        assertThat(actual.data()).isEqualTo(expected.data());
      }
    }
    assertThat(folder)
        .isDirectoryContaining(path::equals)
        .isDirectoryNotContaining("glob:**.partial");
  }

  @Test
  void handMadeBytesAreRead() throws IOException {
    Path path =
        handMade(
            """
            {"b":{"shape":[2],"data_offsets":[4,8],"dtype":"BF16"},
             "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},
             "none":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]},
             "__metadata__":{"k":"v"}}   \
            """,
            8);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.names()).containsExactly("a", "none", "b");
      assertThat(file.metadata()).isEqualTo(Map.of("k", "v"));
      assertThat(file.tensor("a").shape()).isEmpty();
      assertThat(file.tensor("a").data().getInt()).isEqualTo(0x03020100);
      assertThat(file.tensor("b").type()).isEqualTo(StoredType.BF16);
      assertThat(file.tensor("b").shape()).containsExactly(2);
      assertThat(file.tensor("b").data()).isEqualTo(ByteBuffer.wrap(new byte[] {4, 5, 6, 7}));
      assertThat(file.tensor("none").data().remaining()).isZero();
      assertThat(file.bytes("b", 1, 2)).isEqualTo(ByteBuffer.wrap(new byte[] {5, 6}));
      assertThatThrownBy(() -> file.bytes("b", 1, 4)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void writtenBytesAreThoseOfTheFormat() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    SafetensorsWriter.write(
        out,
        Map.of("format", "pt"),
        List.of(
            StoredTensor.of("z", StoredType.U8, new long[] {1}, ByteBuffer.wrap(new byte[] {7})),
            StoredTensor.of("a", StoredType.F16, new long[] {1, 1}, ByteBuffer.allocate(2))));

    String json =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
            + "\"a\":{\"dtype\":\"F16\",\"shape\":[1,1],\"data_offsets\":[1,3]}}";
    int padded = (json.length() + 7) / 8 * 8;
    ByteBuffer expected = ByteBuffer.allocate(8 + padded + 3).order(ByteOrder.LITTLE_ENDIAN);
    expected
        .putLong(padded)
        .put((json + " ".repeat(padded - json.length())).getBytes(StandardCharsets.UTF_8));
    expected.put((byte) 7);
    assertThat(out.toByteArray()).isEqualTo(expected.array());
  }

  @Test
  void mappedTensorOutlivesItsFile() throws IOException {
    Path path = handMade("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2);
    StoredTensor tensor;
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      tensor = file.tensor("a");
    }
    assertThat(tensor.data()).isEqualTo(ByteBuffer.wrap(new byte[] {0, 1}));
    assertThat(tensor.data().isReadOnly()).isTrue();
  }

  @Test
  void dataBeyondTwoGibibytesIsReached() throws IOException {
    long large = 3L << 30;
    Path path = folder.resolve("large.safetensors");
    String json =
        ("{\"large\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]},"
                + "\"last\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}}")
            .formatted(large, large, large, large + 1);
    try (RandomAccessFile sparse = new RandomAccessFile(path.toFile(), "rw")) {
      sparse.writeLong(Long.reverseBytes(json.length()));
      sparse.writeBytes(json);
      sparse.setLength(8 + json.length() + large + 1);
      sparse.seek(8 + json.length() + large - 1);
      sparse.write(new byte[] {5, 9});
    }
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.tensor("last").data().get()).isEqualTo((byte) 9);
      assertThat(file.bytes("large", large - 1, 1).get()).isEqualTo((byte) 5);
      assertThatThrownBy(() -> file.tensor("large"))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("large")
          .hasMessageContaining(Long.toString(large));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[]|does not start with '.'",
        "{\"a\":|not valid JSON",
        "{} x|not valid JSON",
        "{} {}|text after the end",
        "{}|has 8 bytes of data, but its header describes 0",
        "{\"a\":1}|Tensor a .*not a JSON object",
        "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}|Tensor a .*lacks one of",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}|unknown.* field x",
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}|repeated.* field dtype",
        "{\"a\":{\"dtype\":\"F8\",\"shape\":[8],\"data_offsets\":[0,8]}}|Tensor a .*element type F8",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}|shape that is not a list",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}|has -2 in its shape",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}|has 2.0 in its shape",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,8]}}|has 9223372036854775808 in",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807],\"data_offsets\":[0,8]}}|larger than 2.63 bytes",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}|Tensor a .*need 12 bytes, but .* span 8",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}|not a begin and an end",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}|not a begin and an end",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}|Tensor a .*bytes 0 to 12, .* only 8",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}|Tensor b .*overlap",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}|Tensor b .*gap",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}|tensor a twice",
        "{\"__metadata__\":1}|__metadata__ that is not an object",
        "{\"__metadata__\":{\"k\":1}}|item k that is not a string",
        "{\"__metadata__\":{},\"__metadata__\":{}}|__metadata__ twice",
      })
  void malformedHeaderIsRefusedWithItsReason(String json, String reason) throws IOException {
    Path path = handMade(json, 8);
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(path.toString())
        .message()
        .containsPattern(reason);
  }

  @Test
  void headerThatIsNotUtf8IsRefused() throws IOException {
    Path path = folder.resolve("latin.safetensors");
    Files.write(path, new byte[] {5, 0, 0, 0, 0, 0, 0, 0, '{', '"', (byte) 0xff, '"', '}'});
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("not valid JSON");
  }

  @Test
  void fileCutAnywhereIsRefused() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    SafetensorsWriter.write(out, Map.of(), oneTensorOfEachType(new Random(1)));
    byte[] whole = out.toByteArray();
    Path path = folder.resolve("cut.safetensors");
    for (int length = 0; length < whole.length; length++) {
      Files.write(path, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> SafetensorsFile.open(path))
          .as("cut to %d of %d bytes", length, whole.length)
          .isInstanceOf(DataException.class)
          .hasMessageContaining(path.toString());
    }
  }

  @ParameterizedTest
  @CsvSource({"100000001", "9223372036854775807", "-1", "-9223372036854775808"})
  void absurdHeaderLengthIsRefusedWithoutReadingIt(long length) throws IOException {
    Path path = folder.resolve("absurd.safetensors");
    byte[] bytes = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
    Files.write(path, bytes);
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(Long.toUnsignedString(length));
  }

  @Test
  void randomlyDamagedFilesGiveOnlyDataExceptionsOrTensors() throws IOException {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    SafetensorsWriter.write(out, Map.of("k", "v"), oneTensorOfEachType(random));
    Path path = folder.resolve("damaged.safetensors");
    int refused = 0;
    for (int i = 0; i < 500; i++) {
      byte[] bytes = out.toByteArray();
      for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      Files.write(path, bytes);
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        file.names().forEach(file::tensor);
      } catch (DataException expected) {
        refused++;
      }
    }
    assertThat(refused).isPositive();
  }

  @Test
  void missingFileAndUnreadableFileAreToldApart() throws IOException {
    assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("absent")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("absent does not exist");
    Path directory = Files.createDirectory(folder.resolve("directory"));
    assertThatThrownBy(() -> SafetensorsFile.open(directory))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("directory");
  }

  @Test
  void unknownTensorIsNamed() throws IOException {
    Path path = handMade("{}", 0);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThatThrownBy(() -> file.tensor("weight"))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("no tensor weight");
    }
  }

  @Test
  void streamedDataMustBeExactlyThatOfTheHeader() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    SafetensorsWriter writer =
        SafetensorsWriter.start(
            Channels.newChannel(out), Map.of(), List.of(TensorInfo.of("a", StoredType.F32, 3)));
    writer.append(ByteBuffer.allocate(5));
    assertThatThrownBy(writer::finish)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("7 bytes");
    assertThatThrownBy(() -> writer.append(ByteBuffer.allocate(8)))
        .isInstanceOf(IllegalArgumentException.class);
    writer.append(ByteBuffer.allocate(7));
    writer.finish();
    Path path = Files.write(folder.resolve("streamed.safetensors"), out.toByteArray());
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.tensor("a").shape()).containsExactly(3);
    }
  }

  @Test
  void writerRefusesWhatNoReaderWouldAccept() {
    StoredTensor tensor = StoredTensor.of("a", StoredType.U8, new long[0], ByteBuffer.allocate(1));
    Path path = folder.resolve("twice.safetensors");
    assertThatThrownBy(() -> SafetensorsWriter.write(path, Map.of(), List.of(tensor, tensor)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("two tensors are named a");
    assertThat(folder).isEmptyDirectory();
    assertThatThrownBy(
            () -> StoredTensor.of("a", StoredType.F32, new long[] {2}, ByteBuffer.allocate(7)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has 8 bytes, but 7 were given");
  }

  @Test
  void fileThatCannotBeWrittenIsAnInfrastructureFailure() {
    Path path = folder.resolve("absent/x.safetensors");
    assertThatThrownBy(() -> SafetensorsWriter.write(path, new LinkedHashMap<>(), List.of()))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining(path.toString());
  }
}
