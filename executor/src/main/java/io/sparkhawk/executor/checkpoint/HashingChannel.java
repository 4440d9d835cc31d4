package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.data.storage.Checksum;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.security.MessageDigest;

/** Writes to a stream in large pieces, and computes the SHA-256 of what it wrote. */
final class HashingChannel implements WritableByteChannel {

  private final OutputStream out;
  private final MessageDigest digest = Checksum.newDigest();
  private final byte[] piece = new byte[1 << 20];
  private long written;

  HashingChannel(OutputStream out) {
    this.out = out;
  }

  @Override
  public int write(ByteBuffer bytes) throws IOException {
    int total = bytes.remaining();
    while (bytes.hasRemaining()) {
      int length = Math.min(piece.length, bytes.remaining());
      bytes.get(piece, 0, length);
      digest.update(piece, 0, length);
      out.write(piece, 0, length);
    }
    written += total;
    return total;
  }

  long written() {
    return written;
  }

  /** The checksum of all that was written; may be asked for once. */
  String sha256Hex() {
    return Checksum.hex(digest.digest());
  }

  @Override
  public boolean isOpen() {
    return true;
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
