package io.sparkhawk.data.prepare;

import io.sparkhawk.data.corpus.DocumentHash;

/**
 * One document of the corpus after the filters.
 *
 * @param position place in the whole corpus, see {@link DocumentPosition}
 * @param hash hash of the whole text, before it was cut
 * @param text the text in UTF-8, cut to the longest allowed length; empty if the document is empty
 * @param cut whether something was cut off
 */
@SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
record ReadDocument(long position, DocumentHash hash, byte[] text, String source, boolean cut) {

  boolean isEmpty() {
    return text.length == 0;
  }

  int file() {
    return DocumentPosition.file(position);
  }
}
