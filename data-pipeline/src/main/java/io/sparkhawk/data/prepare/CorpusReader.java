package io.sparkhawk.data.prepare;

import io.sparkhawk.data.corpus.Document;
import io.sparkhawk.data.corpus.DocumentHash;
import io.sparkhawk.data.corpus.DocumentReader;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;

/** The filtered documents of one file of the corpus, read as they are asked for. */
final class CorpusReader implements Iterator<ReadDocument>, AutoCloseable {

  private static final byte[] EMPTY = {};

  private final Corpus corpus;
  private final int file;
  private final DocumentReader documents;
  private Optional<Document> next;
  private long ordinal;

  private CorpusReader(Corpus corpus, int file, DocumentReader documents) {
    this.corpus = corpus;
    this.file = file;
    this.documents = documents;
    this.next = documents.next();
  }

  static CorpusReader open(Configuration hadoop, Corpus corpus, int file) {
    DocumentReader documents =
        DocumentReader.open(hadoop, corpus.files().get(file), corpus.columns());
    try {
      return new CorpusReader(corpus, file, documents);
    } catch (RuntimeException e) {
      documents.close();
      throw e;
    }
  }

  @Override
  public boolean hasNext() {
    return next.isPresent();
  }

  @Override
  public ReadDocument next() {
    Document document = next.orElseThrow(NoSuchElementException::new);
    ReadDocument read = filter(document, DocumentPosition.of(file, ordinal));
    ordinal++;
    next = documents.next();
    return read;
  }

  private ReadDocument filter(Document document, long position) {
    String text = document.text();
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    DocumentHash hash = DocumentHash.of(utf8);
    if (text.isBlank()) {
      return new ReadDocument(position, hash, EMPTY, document.source(), false);
    }
    boolean cut = corpus.limit().exceededBy(text);
    byte[] kept = cut ? corpus.limit().cut(text).getBytes(StandardCharsets.UTF_8) : utf8;
    return new ReadDocument(position, hash, kept, document.source(), cut);
  }

  @Override
  public void close() {
    documents.close();
  }
}
