package io.sparkhawk.data.prepare;

import io.sparkhawk.data.corpus.DocumentHash;
import io.sparkhawk.data.storage.Checksum;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Queue;
import scala.Tuple2;

/**
 * Scans one file: counts its documents, and packs their hashes into blocks by range of hashes. The
 * blocks come as they fill, so memory does not grow with the file.
 */
final class FileScan implements Iterator<Tuple2<Integer, ScanBlock>> {

  private static final int ENTRIES_PER_BLOCK = 512;

  private final int file;
  private final long length;
  private final CorpusReader documents;
  private final ProgressCounters progress;
  private final ByteBuffer[] ranges;
  private final Queue<Tuple2<Integer, ScanBlock>> ready = new ArrayDeque<>();
  private final MessageDigest digest = Checksum.newDigest();
  private boolean finished;

  private long count;
  private long empty;
  private long overLong;
  private long textBytes;

  /**
   * @param length bytes of the file as stored, for the progress
   * @param ranges how many ranges the hashes are divided into
   */
  FileScan(int file, long length, CorpusReader documents, int ranges, ProgressCounters progress) {
    this.file = file;
    this.length = length;
    this.documents = documents;
    this.progress = progress;
    this.ranges = new ByteBuffer[ranges];
  }

  @Override
  public boolean hasNext() {
    while (ready.isEmpty() && !finished) {
      if (documents.hasNext()) {
        add(documents.next());
      } else {
        finish();
      }
    }
    return !ready.isEmpty();
  }

  @Override
  public Tuple2<Integer, ScanBlock> next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return ready.remove();
  }

  private void add(ReadDocument document) {
    count++;
    progress.add(1, 0, 0);
    ByteBuffer hash = ByteBuffer.allocate(DocumentHash.BYTES);
    document.hash().write(hash);
    digest.update(hash.flip());
    if (document.isEmpty()) {
      empty++;
      return;
    }
    overLong += document.cut() ? 1 : 0;
    textBytes += document.text().length;
    index(document);
  }

  private void index(ReadDocument document) {
    int range = (int) Long.remainderUnsigned(document.hash().first(), ranges.length);
    if (ranges[range] == null) {
      ranges[range] = ByteBuffer.allocate(ENTRIES_PER_BLOCK * HashIndex.ENTRY_BYTES);
    }
    HashIndex.write(ranges[range], document);
    if (!ranges[range].hasRemaining()) {
      flush(range);
    }
  }

  private void flush(int range) {
    byte[] entries = Arrays.copyOf(ranges[range].array(), ranges[range].position());
    ready.add(new Tuple2<>(range, new ScanBlock(entries, List.of())));
    ranges[range].clear();
  }

  private void finish() {
    finished = true;
    progress.add(0, 0, length);
    for (int range = 0; range < ranges.length; range++) {
      if (ranges[range] != null && ranges[range].position() > 0) {
        flush(range);
      }
    }
    FileTotals totals =
        new FileTotals(file, count, empty, overLong, textBytes, Checksum.hex(digest.digest()));
    ready.add(new Tuple2<>(0, new ScanBlock(new byte[0], List.of(totals))));
  }
}
