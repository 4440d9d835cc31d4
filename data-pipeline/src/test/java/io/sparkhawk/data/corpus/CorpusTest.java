package io.sparkhawk.data.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdOutputStream;
import io.sparkhawk.data.error.DataException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.hadoop.util.HadoopOutputFile;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class CorpusTest {

  private static final Configuration HADOOP = new Configuration();

  @TempDir private Path folder;

  private Path write(String name, byte[] content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.write(file, content);
  }

  private Path write(String name, String content) throws IOException {
    return write(name, content.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] gzip(String content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write(content.getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  private static byte[] zstd(String content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new ZstdOutputStream(bytes)) {
      out.write(content.getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  private static List<Document> read(Path path) {
    List<Document> documents = new ArrayList<>();
    for (CorpusFile file : CorpusFiles.list(HADOOP, List.of(path.toString()))) {
      try (DocumentReader reader =
          DocumentReader.open(HADOOP, file, new DocumentColumns("text", "source"))) {
        for (Optional<Document> next = reader.next(); next.isPresent(); next = reader.next()) {
          documents.add(next.get());
        }
      }
    }
    return documents;
  }

  private static final String TWO_LINES =
      """
      {"source": "a", "text": "first\\nline", "more": {"text": ["not this"]}}

      {"text": "zweite Zeile \\ud83d\\ude80", "id": 7}
      """;

  private static final List<Document> TWO_DOCUMENTS =
      List.of(new Document("first\nline", "a"), new Document("zweite Zeile \uD83D\uDE80", ""));

  @Test
  void jsonLinesAreReadPlainAndCompressed() throws IOException {
    assertThat(read(write("plain.jsonl", TWO_LINES))).isEqualTo(TWO_DOCUMENTS);
    assertThat(read(write("packed.jsonl.gz", gzip(TWO_LINES)))).isEqualTo(TWO_DOCUMENTS);
    assertThat(read(write("packed.ndjson.zst", zstd(TWO_LINES)))).isEqualTo(TWO_DOCUMENTS);
    assertThat(read(write("no-last-newline.json", TWO_LINES.strip()))).isEqualTo(TWO_DOCUMENTS);
  }

  @Test
  void compressedFilesMayBePutTogether() throws IOException {
    for (String suffix : List.of(".gz", ".zst")) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      bytes.write(suffix.equals(".gz") ? gzip(TWO_LINES) : zstd(TWO_LINES));
      bytes.write(suffix.equals(".gz") ? gzip(TWO_LINES) : zstd(TWO_LINES));
      assertThat(read(write("twice.jsonl" + suffix, bytes.toByteArray()))).as(suffix).hasSize(4);
    }
  }

  @Test
  void linesLongerThanTheBufferAreWhole() throws IOException {
    String text = "0123456789".repeat(50_000);
    String content = "{\"text\": \"" + text + "\"}\n{\"text\": \"" + text + "!\"}\r\n";
    assertThat(read(write("long.jsonl", content)))
        .isEqualTo(List.of(new Document(text, ""), new Document(text + "!", "")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"text\": \"broken} | not a JSON object",
        "{\"text\": \"cut off\" | not a JSON object",
        "[\"text\"] | begins with another value",
        "{\"text\": \"a\"} {\"text\": \"b\"} | more than one",
        "{\"body\": \"a\", \"id\": 1} | no field \"text\"; its other fields are [body, id]",
        "{\"text\": 12} | not a string",
        "{\"text\": {\"text\": \"a\"}} | not a string",
      })
  void unusableLineIsNamedWithFileAndReason(String line, String reason) throws IOException {
    Path file = write("bad.jsonl", "{\"text\": \"good\"}\n\n" + line + "\n");
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("Line 3", "bad.jsonl", reason);
  }

  @Test
  void bytesThatAreNotUtf8AreRefused() throws IOException {
    byte[] latin1 = "{\"text\": \"caf\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1);
    assertThatThrownBy(() -> read(write("latin1.jsonl", latin1)))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("Line 1", "latin1.jsonl");
    assertThatThrownBy(() -> read(write("latin1.txt", latin1)))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("latin1.txt", "not UTF-8");
  }

  @Test
  void nullTextIsAnEmptyDocument() throws IOException {
    assertThat(read(write("null.jsonl", "{\"text\": null}"))).containsExactly(new Document("", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {".gz", ".zst"})
  void compressedFileThatIsCutShortIsRefused(String suffix) throws IOException {
    String lines = "{\"text\": \"some words that fill a line\"}\n".repeat(1000);
    byte[] whole = suffix.equals(".gz") ? gzip(lines) : zstd(lines);
    Path file = write("cut.jsonl" + suffix, Arrays.copyOf(whole, whole.length - 20));
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("cut.jsonl" + suffix, "cut short");
    Path other = write("other.jsonl" + suffix, "not compressed at all");
    assertThatThrownBy(() -> read(other))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("other.jsonl" + suffix);
  }

  @Test
  void textFileIsOneDocument() throws IOException {
    assertThat(read(write("a.txt", "two\nlines\n")))
        .containsExactly(new Document("two\nlines\n", ""));
    assertThat(read(write("b.txt.gz", gzip("packed")))).containsExactly(new Document("packed", ""));
  }

  private static final MessageType SCHEMA =
      MessageTypeParser.parseMessageType(
          "message doc { optional binary text (STRING); required int64 id;"
              + " optional binary source (STRING); }");

  private Path parquet(CompressionCodecName codec) throws IOException {
    Path file = folder.resolve("rows." + codec + ".parquet");
    org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(file.toString());
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(HadoopOutputFile.fromPath(path, HADOOP))
            .withType(SCHEMA)
            .withCompressionCodec(codec)
            .withRowGroupSize(10_000L)
            .build()) {
      for (int i = 0; i < 2000; i++) {
        Group row = new SimpleGroup(SCHEMA).append("id", (long) i);
        if (i != 3) {
          row.append("text", "text " + i);
        }
        writer.write(i % 2 == 0 ? row.append("source", "even") : row);
      }
    }
    return file;
  }

  @ParameterizedTest
  @EnumSource(names = {"UNCOMPRESSED", "SNAPPY", "ZSTD", "GZIP"})
  void parquetRowsAreDocuments(CompressionCodecName codec) throws IOException {
    List<Document> documents = read(parquet(codec));
    assertThat(documents).hasSize(2000);
    assertThat(documents.subList(0, 5))
        .containsExactly(
            new Document("text 0", "even"),
            new Document("text 1", ""),
            new Document("text 2", "even"),
            new Document("", ""),
            new Document("text 4", "even"));
    assertThat(documents.get(1999)).isEqualTo(new Document("text 1999", ""));
  }

  @Test
  void parquetWithoutTheColumnNamesThoseItHas() throws IOException {
    CorpusFile file =
        CorpusFiles.list(HADOOP, List.of(parquet(CompressionCodecName.SNAPPY).toString())).get(0);
    assertThatThrownBy(
            () -> DocumentReader.open(HADOOP, file, new DocumentColumns("body", "")).close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("\"body\"", "[text, id, source]", "text-column");
    assertThatThrownBy(
            () -> DocumentReader.open(HADOOP, file, new DocumentColumns("id", "")).close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("\"id\"", "not a string");
  }

  @Test
  void damagedParquetIsRefused() throws IOException {
    Path whole = parquet(CompressionCodecName.SNAPPY);
    byte[] content = Files.readAllBytes(whole);
    Path cut = write("cut.parquet", Arrays.copyOf(content, content.length / 2));
    assertThatThrownBy(() -> read(cut))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("cut.parquet");
    Path other = write("other.parquet", "this was never a Parquet file");
    assertThatThrownBy(() -> read(other))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("other.parquet");
  }

  private List<String> listed(String... paths) {
    return CorpusFiles.list(
            HADOOP, Arrays.stream(paths).map(path -> folder.resolve(path).toString()).toList())
        .stream()
        .map(file -> folder.relativize(Path.of(java.net.URI.create(file.uri()))).toString())
        .toList();
  }

  @Test
  void filesKeepTheGivenOrderAndFoldersAndGlobsTheOrderOfNames() throws IOException {
    for (String name :
        List.of("b/2.jsonl", "b/1.txt", "b/c/3.jsonl.gz", "z.jsonl", "a.jsonl", "m.jsonl")) {
      write(name, "");
    }
    write("b/.hidden.jsonl", "");
    write("b/_temporary/4.jsonl", "");
    write("b/LICENSE", "");
    assertThat(listed("z.jsonl", "b", "[am].jsonl"))
        .containsExactly("z.jsonl", "b/1.txt", "b/2.jsonl", "b/c/3.jsonl.gz", "a.jsonl", "m.jsonl");
  }

  @Test
  void pathsWithoutDocumentsAreNamed() throws IOException {
    write("readme.md", "");
    write("packed.parquet.gz", "");
    Files.createDirectory(folder.resolve("empty"));
    for (String path :
        List.of("nowhere.jsonl", "*.csv", "readme.md", "packed.parquet.gz", "empty")) {
      assertThatThrownBy(() -> listed(path))
          .as(path)
          .isInstanceOf(DataException.class)
          .hasMessageContaining(path);
    }
  }

  @Test
  void cutKeepsSurrogatePairsWhole() {
    assertThat(new LengthLimit(3).cut("abc")).isEqualTo("abc");
    assertThat(new LengthLimit(3).cut("abcd")).isEqualTo("abc");
    assertThat(new LengthLimit(3).cut("ab\uD83D\uDE80")).isEqualTo("ab");
    assertThat(new LengthLimit(4).cut("ab\uD83D\uDE80c")).isEqualTo("ab\uD83D\uDE80");
  }

  @Test
  void hashIsTheSha256OfTheText() {
    // printf abc | sha256sum
    DocumentHash hash = DocumentHash.of("abc");
    assertThat(hash)
        .isEqualTo(
            new DocumentHash(
                0xba7816bf8f01cfeaL,
                0x414140de5dae2223L,
                0xb00361a396177a9cL,
                0xb410ff61f20015adL));
    assertThat(hash.isHeldOut(0.70)).isFalse();
    assertThat(hash.isHeldOut(0.71)).isTrue();
    assertThat(hash.isHeldOut(0)).isFalse();
    assertThat(hash.isHeldOut(1)).isTrue();
  }
}
