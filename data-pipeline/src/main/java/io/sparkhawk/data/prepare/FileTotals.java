package io.sparkhawk.data.prepare;

import java.io.Serializable;

/**
 * What one file of the corpus holds.
 *
 * @param textBytes UTF-8 bytes of the documents that are not empty, cut to the allowed length
 * @param sha256 hash over the hashes of all documents in order
 */
record FileTotals(
    int file, long documents, long empty, long overLong, long textBytes, String sha256)
    implements Serializable {}
