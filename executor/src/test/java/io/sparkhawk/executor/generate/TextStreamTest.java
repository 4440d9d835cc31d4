package io.sparkhawk.executor.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Tokens are single bytes here: every character beyond ASCII comes in parts. */
class TextStreamTest {

  private final List<String> pieces = new ArrayList<>();

  private static String decode(int[] ids) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int id : ids) {
      bytes.write(id);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** A decoder which, like SentencePiece's, drops the space that a text begins with. */
  private static String decodeDroppingFirstSpace(int[] ids) {
    String text = decode(ids);
    return text.startsWith(" ") ? text.substring(1) : text;
  }

  private TextStream stream() {
    return new TextStream(TextStreamTest::decode, '.', pieces::add);
  }

  private static void addAll(TextStream stream, byte... bytes) {
    for (byte b : bytes) {
      stream.add(b & 0xFF);
    }
  }

  @Test
  void charactersPassWhenTheirLastPartHasCome() {
    TextStream stream = stream();
    addAll(stream, "aé€😀b".getBytes(StandardCharsets.UTF_8));
    stream.finish();
    assertThat(pieces).containsExactly("a", "é", "€", "😀", "b");
  }

  @Test
  void anIncompleteCharacterWaitsForTheEnd() {
    TextStream stream = stream();
    addAll(stream, (byte) 'a', (byte) 0xE2, (byte) 0x82);
    assertThat(pieces).containsExactly("a");
    stream.finish();
    assertThat(String.join("", pieces)).isEqualTo("a\uFFFD");
  }

  @Test
  void anySequenceOfBytesGivesTheTextThatItHasAsAWhole() {
    long seed = System.nanoTime();
    System.out.println("TextStreamTest: seed " + seed);
    SplittableRandom random = new SplittableRandom(seed);
    byte[] sample = "añ€😀".getBytes(StandardCharsets.UTF_8);
    for (int trial = 0; trial < 500; trial++) {
      byte[] bytes = new byte[random.nextInt(0, 60)];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = sample[random.nextInt(sample.length)];
      }
      pieces.clear();
      TextStream stream = stream();
      addAll(stream, bytes);
      stream.finish();
      assertThat(String.join("", pieces)).isEqualTo(new String(bytes, StandardCharsets.UTF_8));
    }
  }

  @Test
  void bytesThatNeverBecomeACharacterDoNotPileUp() {
    TextStream stream = stream();
    for (int i = 0; i < 1000; i++) {
      stream.add(0xFF);
    }
    stream.finish();
    assertThat(String.join("", pieces)).isEqualTo("\uFFFD".repeat(1000));
  }

  @Test
  void aSpaceBeforeATokenIsKept() {
    TextStream stream = new TextStream(TextStreamTest::decodeDroppingFirstSpace, '.', pieces::add);
    addAll(stream, " a b".getBytes(StandardCharsets.UTF_8));
    stream.finish();
    assertThat(String.join("", pieces)).isEqualTo(" a b");
  }
}
