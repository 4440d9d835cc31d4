package io.sparkhawk.data.shard;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.ArrowType;

/** How a token id is stored: as the smallest type that holds the vocabulary. */
enum TokenType {
  UINT16(new ArrowType.Int(16, false)),
  INT32(new ArrowType.Int(32, true));

  private static final int UINT16_VALUES = 1 << 16;

  @SuppressWarnings("ImmutableEnumChecker") // ArrowType.Int has only final fields
  private final ArrowType.Int arrowType;

  TokenType(ArrowType.Int arrowType) {
    this.arrowType = arrowType;
  }

  static TokenType forVocabulary(int vocabularySize) {
    return vocabularySize <= UINT16_VALUES ? UINT16 : INT32;
  }

  ArrowType.Int arrowType() {
    return arrowType;
  }

  /** Stores the first {@code count} ids in a vector of this type. */
  void store(FieldVector vector, int[] ids, int count) {
    BaseFixedWidthVector fixed = (BaseFixedWidthVector) vector;
    fixed.allocateNew(count);
    for (int i = 0; i < count; i++) {
      BitVectorHelper.setBit(fixed.getValidityBuffer(), i);
    }
    ByteBuffer data = data(fixed, count);
    switch (this) {
      case UINT16 -> data.asCharBuffer().put(narrow(ids, count));
      case INT32 -> data.asIntBuffer().put(ids, 0, count);
    }
    fixed.setValueCount(count);
  }

  private static char[] narrow(int[] ids, int count) {
    char[] narrow = new char[count];
    for (int i = 0; i < count; i++) {
      narrow[i] = (char) ids[i];
    }
    return narrow;
  }

  /** The ids of a vector of this type. */
  int[] load(FieldVector vector) {
    int[] ids = new int[vector.getValueCount()];
    ByteBuffer data = data(vector, ids.length);
    switch (this) {
      case UINT16 -> {
        char[] narrow = new char[ids.length];
        data.asCharBuffer().get(narrow);
        for (int i = 0; i < ids.length; i++) {
          ids[i] = narrow[i];
        }
      }
      case INT32 -> data.asIntBuffer().get(ids);
    }
    return ids;
  }

  /** The values of a vector as they lie in memory: Arrow is little-endian. */
  private ByteBuffer data(FieldVector vector, int count) {
    long bytes = (long) count * arrowType.getBitWidth() / Byte.SIZE;
    return vector
        .getDataBuffer()
        .nioBuffer(0, Math.toIntExact(bytes))
        .order(ByteOrder.LITTLE_ENDIAN);
  }
}
