package io.sparkhawk.data.prepare;

/**
 * The place of a document in the corpus as one number that sorts in input order: the place of its
 * file in the upper 24 bits, its place in the file in the lower 40.
 */
final class DocumentPosition {

  private static final int ORDINAL_BITS = 40;

  private DocumentPosition() {}

  static long of(int file, long ordinal) {
    return ((long) file << ORDINAL_BITS) | ordinal;
  }

  static int file(long position) {
    return (int) (position >>> ORDINAL_BITS);
  }
}
