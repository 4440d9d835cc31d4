package io.sparkhawk.data.prepare;

import java.io.Serializable;
import java.util.List;

/**
 * A part of what scanning a file gives.
 *
 * @param entries entries of {@link HashIndex}, all of one range of hashes
 * @param totals of the file, in its last block only
 */
@SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
record ScanBlock(byte[] entries, List<FileTotals> totals) implements Serializable {}
