package io.sparkhawk.data.corpus;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.Storage;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Reads the documents of one file in their order. */
public abstract sealed class DocumentReader implements AutoCloseable
    permits JsonLinesReader, ParquetDocumentReader, TextFileReader {

  private final CorpusFile file;

  DocumentReader(CorpusFile file) {
    this.file = file;
  }

  /**
   * Opens a file.
   *
   * @throws DataException if it is missing, unreadable, or not of its format
   */
  public static DocumentReader open(
      Configuration hadoop, CorpusFile file, DocumentColumns columns) {
    try {
      return switch (file.format()) {
        case JSON_LINES -> new JsonLinesReader(file, openText(hadoop, file), columns);
        case TEXT -> new TextFileReader(file, openText(hadoop, file));
        case PARQUET -> ParquetDocumentReader.of(hadoop, file, columns);
      };
    } catch (IOException e) {
      throw unreadable(file, "", e);
    }
  }

  private static InputStream openText(Configuration hadoop, CorpusFile file) throws IOException {
    Path path = new Path(file.uri());
    InputStream stored = Storage.of(hadoop, path).fileSystem().open(path);
    try {
      return Compression.ofName(path.getName()).decompress(stored);
    } catch (IOException e) {
      stored.close();
      throw e;
    }
  }

  /**
   * The next document, or empty at the end of the file.
   *
   * @throws DataException if the file is damaged, or the document has no text column
   */
  public final Optional<Document> next() {
    try {
      return readNext();
    } catch (IOException e) {
      throw unreadable(file, position(), e);
    }
  }

  /** Reads one document; an I/O failure is explained by {@link #next}. */
  abstract Optional<Document> readNext() throws IOException;

  /** Where the reader stands, as a phrase for messages: " after line 12". */
  abstract String position();

  final CorpusFile file() {
    return file;
  }

  @Override
  public abstract void close();

  static DataException unreadable(CorpusFile file, String position, IOException cause) {
    if (cause instanceof FileNotFoundException) {
      return new DataException(
          "Cannot read " + file.uri() + ": the file is missing or may not be read.", cause);
    }
    return new DataException(
        "Cannot read "
            + file.uri()
            + position
            + ": "
            + cause.getMessage()
            + ". The file is damaged or cut short; restore it or leave it out.",
        cause);
  }
}
