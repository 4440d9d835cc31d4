package io.sparkhawk.executor.checkpoint;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Writes to a stream in large pieces, and computes the SHA-256 of what it wrote. */
final class HashingChannel implements WritableByteChannel {

  private final OutputStream out;
  private final MessageDigest digest = sha256();
  private final byte[] piece = new byte[1 << 20];
  private long written;

  HashingChannel(OutputStream out) {
    this.out = out;
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest());
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
    return hex(digest);
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
