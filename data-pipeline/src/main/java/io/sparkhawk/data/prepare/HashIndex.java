package io.sparkhawk.data.prepare;

import io.sparkhawk.data.corpus.DocumentHash;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds the documents whose text came before, among all documents of one range of hashes. */
final class HashIndex {

  /** Bytes of an entry: hash, position, length of the text. */
  static final int ENTRY_BYTES = DocumentHash.BYTES + Long.BYTES + Integer.BYTES;

  private final Map<DocumentHash, Occurrence> first = new HashMap<>();
  private final List<Occurrence> repeated = new ArrayList<>();

  /** Where a text stands, and how many UTF-8 bytes of it are kept. */
  record Occurrence(long position, int textBytes) {}

  /** Writes an entry. */
  static void write(ByteBuffer to, ReadDocument document) {
    document.hash().write(to);
    to.putLong(document.position()).putInt(document.text().length);
  }

  /** Adds a block of entries; the order of the calls does not change the result. */
  void add(byte[] block) {
    ByteBuffer entries = ByteBuffer.wrap(block);
    while (entries.hasRemaining()) {
      DocumentHash hash = DocumentHash.read(entries);
      add(hash, new Occurrence(entries.getLong(), entries.getInt()));
    }
  }

  private void add(DocumentHash hash, Occurrence found) {
    Occurrence other = first.putIfAbsent(hash, found);
    if (other == null) {
      return;
    }
    if (found.position() < other.position()) {
      first.put(hash, found);
      repeated.add(other);
    } else {
      repeated.add(found);
    }
  }

  /** All occurrences but the first of each text, in no order. */
  Duplicates duplicates() {
    return new Duplicates(
        repeated.stream().mapToLong(Occurrence::position).toArray(),
        repeated.stream().mapToLong(Occurrence::textBytes).sum());
  }
}
