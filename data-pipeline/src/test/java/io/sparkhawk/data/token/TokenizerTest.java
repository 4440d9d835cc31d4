package io.sparkhawk.data.token;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {

  private static final Tokenizer TOKENIZER = Tokenizer.of(TestTokenizers.bytes(), "bytes");

  @AfterAll
  static void closeTokenizer() {
    TOKENIZER.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "plain text, with words",
        "  leading and trailing  ",
        "line\nline\r\n\ttab",
        "Grüße aus Ærø",
        "数学と物理",
        "rocket \uD83D\uDE80 beyond the basic plane",
        "a zero \u0000 character",
      })
  void idsAreThoseOfTheBytesWithNothingAdded(String text) {
    assertThat(TOKENIZER.encode(text)).isEqualTo(TestTokenizers.ids(text));
  }

  @Test
  void longTextIsNotCut() {
    String text = "word ".repeat(20_000);
    assertThat(TOKENIZER.encode(text)).hasSize(100_000);
  }

  @Test
  void decodingGivesTheTextBack() {
    String text = "SELECT * FROM t WHERE name = 'Æsir' -- \uD83D\uDE80";
    assertThat(TOKENIZER.decode(TOKENIZER.encode(text))).isEqualTo(text);
  }

  @Test
  void loneSurrogatesDoNotEndTheProcess() {
    assertThat(TOKENIZER.encode("a\uD83Db")).isEqualTo(TestTokenizers.ids("a?b"));
  }

  @Test
  void threadsMayShareATokenizer() throws Exception {
    List<String> texts = IntStream.range(0, 500).mapToObj(i -> "text number " + i).toList();
    ExecutorService pool = Executors.newFixedThreadPool(4);
    try {
      List<Future<int[]>> encoded =
          texts.stream().map(text -> pool.submit(() -> TOKENIZER.encode(text))).toList();
      for (int i = 0; i < texts.size(); i++) {
        assertThat(encoded.get(i).get(30, TimeUnit.SECONDS))
            .isEqualTo(TestTokenizers.ids(texts.get(i)));
      }
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void vocabularyCountsTheAddedTokens() {
    assertThat(TOKENIZER.vocabularySize()).isEqualTo(257);
    assertThat(TOKENIZER.id("<|endoftext|>")).hasValue(0);
    assertThat(TOKENIZER.id("nothing")).isEmpty();
  }

  @Test
  void unknownEndOfTextTokenIsNamed() {
    assertThatThrownBy(() -> TOKENIZER.requireId("</s>", "end-of-text"))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("bytes", "\"</s>\"", "end-of-text");
  }

  @Test
  void aTokenIsFoundByItsId() {
    int id = TOKENIZER.requireId(TestTokenizers.END_OF_TEXT, "end-of-text");
    assertThat(TOKENIZER.token(id)).contains(TestTokenizers.END_OF_TEXT);
    assertThat(TOKENIZER.token(TOKENIZER.vocabularySize())).isEmpty();
    assertThat(TOKENIZER.token(-1)).isEmpty();
  }

  @Test
  void tokenizerLargerThanTheModelIsRefusedWithBothNumbers() {
    TOKENIZER.requireFits(257, "teacher");
    assertThatThrownBy(() -> TOKENIZER.requireFits(256, "teacher"))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("257", "256", "teacher");
  }

  @Test
  void missingFileIsNamed(@TempDir Path folder) {
    assertThatThrownBy(() -> read(folder.resolve("tokenizer.json")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("tokenizer.json");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{}", "[1", "{\"model\": {\"type\": \"?\", \"vocab\": {\"a\": 0}}}"})
  void otherContentIsRefused(String content, @TempDir Path folder) throws IOException {
    Path file = folder.resolve("tokenizer.json");
    Files.writeString(file, content, StandardCharsets.UTF_8);
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(file.toString());
  }

  @Test
  void modelVocabularyIsReadFromItsConfiguration(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("config.json");
    org.apache.hadoop.fs.Path model = new org.apache.hadoop.fs.Path(folder.toString());
    Files.writeString(file, "{\"vocab_size\": 51200}");
    assertThat(ModelVocabulary.size(new Configuration(), model)).isEqualTo(51200);

    Files.writeString(file, "{\"vocab_size\": \"many\"}");
    assertThatThrownBy(() -> ModelVocabulary.size(new Configuration(), model))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("config.json", "vocab_size", "many");
  }

  private static void read(Path file) {
    Tokenizer.read(new Configuration(), new org.apache.hadoop.fs.Path(file.toString())).close();
  }
}
