package io.sparkhawk.data.prepare;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.data.token.ModelVocabulary;
import io.sparkhawk.data.token.Tokenizer;
import java.io.Serializable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * How text becomes ids in a preparation.
 *
 * @param origin path of the tokenizer, for messages
 * @param tokenizer content of the {@code tokenizer.json}: executors need not reach the file
 * @param vocabularySize ids that the model can take
 * @param endOfText id that follows every document
 */
@SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
record TokenFormat(
    String origin, byte[] tokenizer, String tokenizerSha256, int vocabularySize, int endOfText)
    implements Serializable {

  private static final String TOKENIZER_FILE = "tokenizer.json";

  /**
   * Reads the tokenizer and checks that the model can take its ids.
   *
   * @throws DataException if a file is missing or unusable, or the tokenizer does not fit
   */
  static TokenFormat read(Configuration hadoop, PrepareSettings settings) {
    Path file =
        settings.tokenizer().isBlank()
            ? new Path(Storage.path(settings.teacher()), TOKENIZER_FILE)
            : Storage.path(settings.tokenizer());
    byte[] content = Storage.of(hadoop, file).read(file, "The tokenizer");
    try (Tokenizer tokenizer = Tokenizer.of(content, file.toString())) {
      int vocabularySize = tokenizer.vocabularySize();
      if (!settings.teacher().isBlank()) {
        vocabularySize = ModelVocabulary.size(hadoop, Storage.path(settings.teacher()));
        tokenizer.requireFits(vocabularySize, settings.teacher());
      }
      return new TokenFormat(
          file.toString(),
          content,
          tokenizer.sha256(),
          vocabularySize,
          tokenizer.requireId(settings.endOfText(), "end-of-text"));
    }
  }
}
