package io.sparkhawk.data.shard;

/**
 * What the reading of a corpus found.
 *
 * @param documents all documents, those left out included
 * @param empty documents without any character but white space; left out
 * @param duplicates documents whose text came before; left out
 * @param overLong documents that were cut to the longest allowed length
 */
public record CorpusCounts(long documents, long empty, long duplicates, long overLong) {}
