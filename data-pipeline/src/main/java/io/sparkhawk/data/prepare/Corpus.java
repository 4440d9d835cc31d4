package io.sparkhawk.data.prepare;

import io.sparkhawk.data.corpus.CorpusFile;
import io.sparkhawk.data.corpus.CorpusFiles;
import io.sparkhawk.data.corpus.DocumentColumns;
import io.sparkhawk.data.corpus.LengthLimit;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/**
 * All files of a preparation in the order of their documents, and how they are read. Files held out
 * for validation come first: a training document that also stands there is a later duplicate.
 *
 * @param validationFiles how many of the files, from the first, are validation only
 */
record Corpus(
    List<CorpusFile> files, int validationFiles, DocumentColumns columns, LengthLimit limit)
    implements Serializable {

  Corpus {
    files = List.copyOf(files);
  }

  static Corpus find(Configuration hadoop, PrepareSettings settings) {
    List<CorpusFile> validation = CorpusFiles.list(hadoop, settings.validation());
    List<CorpusFile> files = new ArrayList<>(validation);
    files.addAll(CorpusFiles.list(hadoop, settings.input()));
    return new Corpus(
        files,
        validation.size(),
        new DocumentColumns(settings.textColumn(), settings.sourceColumn()),
        new LengthLimit(settings.maxDocumentCharacters()));
  }

  boolean hasValidationFiles() {
    return validationFiles > 0;
  }

  boolean isValidation(int file) {
    return file < validationFiles;
  }

  /** Bytes of all files, as stored. */
  long length() {
    return files.stream().mapToLong(CorpusFile::length).sum();
  }
}
