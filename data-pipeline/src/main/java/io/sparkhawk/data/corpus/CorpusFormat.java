package io.sparkhawk.data.corpus;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How documents lie in a file; told from the end of its name. */
public enum CorpusFormat {
  /** One JSON object a line, with the text in one of its fields. */
  JSON_LINES(".jsonl", ".ndjson", ".json"),
  /** One document a row, with the text in one of the columns. */
  PARQUET(".parquet"),
  /** The whole file is one document in UTF-8. */
  TEXT(".txt", ".text");

  /** The file names that are understood, for messages. */
  public static final String UNDERSTOOD =
      ".jsonl, .ndjson, .json and .txt (also followed by .gz or .zst), and .parquet";

  @SuppressWarnings("ImmutableEnumChecker") // List.of makes an immutable list
  private final List<String> suffixes;

  CorpusFormat(String... suffixes) {
    this.suffixes = List.of(suffixes);
  }

  /** The format of a file by its name, without regard to case and compression. */
  public static Optional<CorpusFormat> ofName(String fileName) {
    String lower = fileName.toLowerCase(Locale.ROOT);
    String plain = lower.substring(0, lower.length() - Compression.ofName(lower).suffix().length());
    for (CorpusFormat format : values()) {
      // Parquet compresses inside: a compressed Parquet file cannot be read.
      boolean readable = format != PARQUET || plain.equals(lower);
      if (readable && format.suffixes.stream().anyMatch(plain::endsWith)) {
        return Optional.of(format);
      }
    }
    return Optional.empty();
  }
}
