package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.executor.safetensors.StoredType;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What one rank puts into a checkpoint. All ranks give the same but for their slices, which
 * together must cover each buffer exactly once.
 *
 * @param position how far the run has come
 * @param hashes what the run is made from
 * @param metrics free-form numbers that go into the manifest
 * @param slices this rank's parts of the flat buffers; may be empty
 */
public record CheckpointContent(
    CheckpointPosition position,
    RunHashes hashes,
    Map<String, Double> metrics,
    List<Slice> slices) {

  public CheckpointContent {
    Objects.requireNonNull(position, "position");
    Objects.requireNonNull(hashes, "hashes");
    metrics = Map.copyOf(metrics);
    slices = List.copyOf(slices);
  }

  /**
   * A run of elements of one flat buffer.
   *
   * @param name name of the flat buffer, such as {@code parameters} or {@code exp_avg}
   * @param type element type of the buffer: F32 or F64
   * @param totalElements size of the whole buffer, the same on all ranks
   * @param first index of the slice's first element in the buffer
   * @param values the elements between position and limit, in native byte order; must not change
   *     before the part is written
   */
  public record Slice(
      String name, StoredType type, long totalElements, long first, ByteBuffer values) {

    public Slice {
      Objects.requireNonNull(name, "name");
      if (type != StoredType.F32 && type != StoredType.F64) {
        throw new IllegalArgumentException("buffer %s is %s, not F32 or F64".formatted(name, type));
      }
      if (values.remaining() % type.bytes() != 0
          || first < 0
          || first > totalElements - values.remaining() / type.bytes()) {
        throw new IllegalArgumentException(
            "%d bytes from element %d on are no slice of buffer %s with %d elements of %s"
                .formatted(values.remaining(), first, name, totalElements, type));
      }
    }

    /** A slice of a float32 buffer. */
    public static Slice float32(String name, long totalElements, long first, ByteBuffer values) {
      return new Slice(name, StoredType.F32, totalElements, first, values);
    }

    long elements() {
      return values.remaining() / type.bytes();
    }
  }
}
