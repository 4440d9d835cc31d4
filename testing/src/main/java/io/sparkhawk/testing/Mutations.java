package io.sparkhawk.testing;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Damages bytes and texts in the ways in which files are damaged, or forged. */
public final class Mutations {

  /** Numbers at the ends of types, and beyond them. */
  static final List<String> NUMBERS =
      List.of(
          "0",
          "-1",
          "-0",
          "1e308",
          "1e999",
          "-1e-999",
          "1e999999999",
          "1E-2147483649",
          "0.1",
          "2147483647",
          "2147483648",
          "-2147483648",
          "4294967296",
          "9223372036854775807",
          "9223372036854775808",
          "-9223372036854775808",
          "18446744073709551616",
          "123456789012345678901234567890");

  /** Texts that are paths to elsewhere, or no good text. */
  static final List<String> TEXTS =
      List.of(
          "",
          " ",
          "..",
          ".",
          "../../../../etc/passwd",
          "/etc/passwd",
          "..\\\\..\\\\windows",
          "file:///etc/passwd",
          "s3a://bucket/key",
          "a/b",
          "a\\u0000b",
          "\\ud800",
          "\\ufeff",
          "\\u202e",
          "\u00e9\u4e2d\ud83d\ude00",
          "%s%n%d",
          "${jndi:ldap://x}",
          "!!javax.script.ScriptEngineManager",
          "null",
          "NaN");

  private Mutations() {}

  /** A few edits: bits, ranges of bytes, and numbers of 1, 2, 4 or 8 bytes. */
  public static byte[] ofBytes(Random random, byte[] content) {
    byte[] result = content;
    for (int edits = edits(random); edits > 0; edits--) {
      result = edited(random, result);
    }
    return result;
  }

  /** Mostly one, so that what comes behind the first check is reached; seldom four. */
  private static int edits(Random random) {
    return 1 + random.nextInt(1 + random.nextInt(1 + random.nextInt(4)));
  }

  private static byte[] edited(Random random, byte[] content) {
    if (content.length == 0) {
      return new byte[] {(byte) random.nextInt()};
    }
    byte[] copy = content.clone();
    int at = random.nextInt(content.length);
    int length = 1 + random.nextInt(Math.min(64, content.length - at));
    switch (random.nextInt(7)) {
      case 0 -> copy[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> copy[at] = (byte) random.nextInt();
      case 2 -> {
        return Arrays.copyOf(content, at);
      }
      case 3 -> {
        return spliced(content, at, length, new byte[0]);
      }
      case 4 -> {
        return spliced(content, at, 0, Arrays.copyOfRange(content, at, at + length));
      }
      case 5 -> {
        byte[] noise = new byte[length];
        random.nextBytes(noise);
        return spliced(content, at, random.nextInt(2) * length, noise);
      }
      default -> putNumber(random, copy, at);
    }
    return copy;
  }

  /** A length, an offset or a count becomes an extreme one. */
  private static void putNumber(Random random, byte[] content, int at) {
    int width = 1 << random.nextInt(4);
    long[] extremes = {0, -1, 1, Long.MAX_VALUE, Long.MIN_VALUE, 0x7fffffffL, 1L << 40, 0x100};
    long value = extremes[random.nextInt(extremes.length)];
    for (int i = 0; i < width && at + i < content.length; i++) {
      content[at + i] = (byte) (value >> (8 * i));
    }
  }

  private static byte[] spliced(byte[] content, int at, int removed, byte[] inserted) {
    byte[] result = Arrays.copyOf(content, content.length - removed + inserted.length);
    System.arraycopy(inserted, 0, result, at, inserted.length);
    System.arraycopy(
        content, at + removed, result, at + inserted.length, content.length - at - removed);
    return result;
  }

  /**
   * Changes the meaning of a JSON document: members deleted, repeated, renamed or of another type,
   * values replaced by extreme ones, nested deeply or taken from elsewhere in it. Now and then its
   * bytes are damaged instead.
   */
  public static byte[] ofJson(Random random, String document) {
    if (random.nextInt(5) == 0) {
      return ofBytes(random, document.getBytes(StandardCharsets.UTF_8));
    }
    String result = document;
    for (int edits = edits(random); edits > 0; edits--) {
      List<JsonSpan> spans = JsonSpan.of(result);
      if (spans.isEmpty()) {
        break;
      }
      JsonSpan span = spans.get(random.nextInt(spans.size()));
      String replacement = replacement(random, result, span, spans);
      result = result.substring(0, span.start()) + replacement + result.substring(span.end());
    }
    return result.getBytes(StandardCharsets.UTF_8);
  }

  private static String replacement(
      Random random, String document, JsonSpan span, List<JsonSpan> spans) {
    String whole = document.substring(span.start(), span.end());
    String key = document.substring(span.start(), span.value());
    return switch (random.nextInt(9)) {
      case 0 -> key + "null";
      case 1 -> key + NUMBERS.get(random.nextInt(NUMBERS.size()));
      case 2 -> key + '"' + TEXTS.get(random.nextInt(TEXTS.size())) + '"';
      case 3 -> key + List.of("true", "[]", "{}", "[[]]", "[null]").get(random.nextInt(5));
      case 4 -> key + nested(random);
      case 5 -> key + "1".repeat(1 << random.nextInt(13));
      case 6 -> whole + "," + whole;
      case 7 -> key.isEmpty() ? "null" : "\"unknown\":0";
      default -> {
        JsonSpan other = spans.get(random.nextInt(spans.size()));
        yield key + document.substring(other.value(), other.end());
      }
    };
  }

  private static String nested(Random random) {
    int depth = 1 << random.nextInt(random.nextInt(4) == 0 ? 16 : 5);
    return random.nextBoolean()
        ? "[".repeat(depth) + "]".repeat(depth)
        : "{\"a\":".repeat(depth) + "0" + "}".repeat(depth);
  }
}
