/**
 * From files of JSON lines, Parquet or plain text to documents: reading, order, filters and the
 * hash that tells equal documents.
 */
package io.sparkhawk.data.corpus;
