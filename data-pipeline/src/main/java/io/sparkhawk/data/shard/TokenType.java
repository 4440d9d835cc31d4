package io.sparkhawk.data.shard;

import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.UInt2Vector;
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

  /** Stores ids [from, from + count) of {@code ids} in a vector made for them. */
  void store(FieldVector vector, int[] ids, int count) {
    BaseFixedWidthVector fixed = (BaseFixedWidthVector) vector;
    fixed.allocateNew(count);
    switch (this) {
      case UINT16 -> {
        UInt2Vector narrow = (UInt2Vector) fixed;
        for (int i = 0; i < count; i++) {
          narrow.set(i, ids[i]);
        }
      }
      case INT32 -> {
        IntVector wide = (IntVector) fixed;
        for (int i = 0; i < count; i++) {
          wide.set(i, ids[i]);
        }
      }
    }
    fixed.setValueCount(count);
  }

  /** The ids of a vector of this type. */
  int[] load(FieldVector vector) {
    int[] ids = new int[vector.getValueCount()];
    switch (this) {
      case UINT16 -> {
        UInt2Vector narrow = (UInt2Vector) vector;
        for (int i = 0; i < ids.length; i++) {
          ids[i] = narrow.get(i);
        }
      }
      case INT32 -> {
        IntVector wide = (IntVector) vector;
        for (int i = 0; i < ids.length; i++) {
          ids[i] = wide.get(i);
        }
      }
    }
    return ids;
  }
}
