package io.sparkhawk.data.corpus;

import io.sparkhawk.data.storage.Checksum;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The SHA-256 of a document's text in UTF-8: equal documents have equal hashes, and whether a
 * document is held out follows from its hash alone.
 */
public record DocumentHash(long first, long second, long third, long fourth) {

  /** Bytes of a hash. */
  public static final int BYTES = 32;

  public static DocumentHash of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  public static DocumentHash of(byte[] utf8) {
    return read(ByteBuffer.wrap(Checksum.newDigest().digest(utf8)));
  }

  public static DocumentHash read(ByteBuffer from) {
    return new DocumentHash(from.getLong(), from.getLong(), from.getLong(), from.getLong());
  }

  public void write(ByteBuffer to) {
    to.putLong(first).putLong(second).putLong(third).putLong(fourth);
  }

  /**
   * Whether the document belongs to the {@code share} of all documents that is held out for
   * validation. A larger share holds out all that a smaller one does.
   *
   * @param share 0 to 1
   */
  public boolean isHeldOut(double share) {
    // Corpora are often divided by the first digits of this very hash already: use the last ones.
    return (fourth >>> 11) * 0x1.0p-53 < share;
  }
}
