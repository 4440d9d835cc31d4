package io.sparkhawk.data.corpus;

import java.io.Serializable;

/**
 * One file of the corpus.
 *
 * @param uri qualified Hadoop path
 * @param length bytes, as stored
 */
public record CorpusFile(String uri, long length, CorpusFormat format) implements Serializable {}
