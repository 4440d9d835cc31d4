package io.sparkhawk.data.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** Cuts a stream into lines of bytes, without decoding them. */
final class LineReader implements AutoCloseable {

  /** Longest line, in bytes: what one Java array of characters can surely hold. */
  static final int MAX_LINE_BYTES = 1 << 30;

  private final InputStream in;
  private final byte[] buffer = new byte[1 << 16];
  private int position;
  private int limit;

  private byte[] line = new byte[1 << 12];
  private int length;
  private long number;

  LineReader(InputStream in) {
    this.in = in;
  }

  /** Moves to the next line; false at the end of the stream. */
  boolean next() throws IOException {
    length = 0;
    boolean any = false;
    while (position < limit || fill()) {
      any = true;
      int end = position;
      while (end < limit && buffer[end] != '\n') {
        end++;
      }
      append(end - position);
      position = end + 1;
      if (end < limit) {
        break;
      }
    }
    if (any) {
      number++;
    }
    return any;
  }

  private boolean fill() throws IOException {
    position = 0;
    limit = Math.max(0, in.read(buffer));
    return limit > 0;
  }

  private void append(int count) throws IOException {
    if (length + (long) count > MAX_LINE_BYTES) {
      throw new IOException(
          "line " + (number + 1) + " is longer than " + MAX_LINE_BYTES + " bytes");
    }
    if (length + count > line.length) {
      line =
          Arrays.copyOf(
              line, Math.max(length + count, (int) Math.min(MAX_LINE_BYTES, 2L * line.length)));
    }
    System.arraycopy(buffer, position, line, length, count);
    length += count;
  }

  /** The bytes of the line, from 0 to {@link #length}; valid until the next call of next. */
  byte[] bytes() {
    return line;
  }

  int length() {
    return length;
  }

  /** The number of the current line, from 1; 0 before the first. */
  long number() {
    return number;
  }

  boolean isBlank() {
    for (int i = 0; i < length; i++) {
      if (line[i] > ' ' || line[i] < 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
