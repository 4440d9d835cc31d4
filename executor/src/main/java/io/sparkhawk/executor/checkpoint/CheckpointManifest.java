package io.sparkhawk.executor.checkpoint;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.sparkhawk.executor.safetensors.StoredType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The commit of a checkpoint: it names the parts and everything that is needed to go on from them.
 * A checkpoint without its manifest does not exist.
 *
 * @param attempt identifies the attempt that wrote the parts: 32 hexadecimal digits
 * @param worldSize number of ranks that wrote parts
 * @param position how far the run had come
 * @param hashes what the run was made from
 * @param buffers type and size of each flat buffer
 * @param parts one for each rank, in rank order
 * @param metrics free-form numbers
 */
public record CheckpointManifest(
    String attempt,
    int worldSize,
    CheckpointPosition position,
    RunHashes hashes,
    Map<String, BufferInfo> buffers,
    List<Part> parts,
    Map<String, Double> metrics) {

  private static final Pattern ATTEMPT = Pattern.compile("[0-9a-f]{32}");
  private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");

  /** Type and number of elements of a flat buffer. */
  public record BufferInfo(StoredType type, long elements) {

    public BufferInfo {
      Objects.requireNonNull(type, "type");
    }
  }

  /**
   * The file of one rank.
   *
   * @param bytes size of the file
   * @param sha256 checksum of the file, hexadecimal
   * @param slices what it holds, in the order of its data, which ends with the file
   */
  public record Part(long bytes, String sha256, List<PartSlice> slices) {

    public Part {
      slices = List.copyOf(slices);
      if (!SHA_256.matcher(sha256).matches()) {
        throw new IllegalArgumentException("sha256 %s is no checksum".formatted(sha256));
      }
    }
  }

  /** Elements {@code first} to {@code first + elements} (exclusive) of a flat buffer. */
  public record PartSlice(String buffer, long first, long elements) {

    public PartSlice {
      Objects.requireNonNull(buffer, "buffer");
      if (first < 0 || elements < 0 || first + elements < 0) {
        throw new IllegalArgumentException(
            "slice of %d elements from %d on of buffer %s".formatted(elements, first, buffer));
      }
    }
  }

  /**
   * Checks that the parts hold each buffer exactly once.
   *
   * @throws IllegalArgumentException if they do not, or a value is not possible
   */
  public CheckpointManifest {
    Objects.requireNonNull(position, "position");
    Objects.requireNonNull(hashes, "hashes");
    buffers = Collections.unmodifiableMap(new TreeMap<>(buffers));
    parts = List.copyOf(parts);
    metrics = Collections.unmodifiableMap(new TreeMap<>(metrics));
    if (!ATTEMPT.matcher(attempt).matches()) {
      throw new IllegalArgumentException("attempt %s is no id".formatted(attempt));
    }
    if (worldSize != parts.size()) {
      throw new IllegalArgumentException(
          "%d parts for a world of %d".formatted(parts.size(), worldSize));
    }
    Map<String, List<PartSlice>> slices = new TreeMap<>();
    for (Part part : parts) {
      for (PartSlice slice : part.slices()) {
        slices.computeIfAbsent(slice.buffer(), name -> new ArrayList<>()).add(slice);
      }
    }
    if (!slices.keySet().equals(buffers.keySet())) {
      throw new IllegalArgumentException(
          "parts hold buffers %s, not %s".formatted(slices.keySet(), buffers.keySet()));
    }
    for (Map.Entry<String, BufferInfo> buffer : buffers.entrySet()) {
      requireExactCover(buffer.getKey(), buffer.getValue(), slices.get(buffer.getKey()));
    }
    for (Part part : parts) {
      requireRoom(part, buffers);
    }
  }

  /** What a part holds ends with its file, so it is read from there. */
  private static void requireRoom(Part part, Map<String, BufferInfo> buffers) {
    long left = part.bytes();
    for (PartSlice slice : part.slices()) {
      int size = buffers.get(slice.buffer()).type().bytes();
      if (slice.elements() > left / size) {
        throw new IllegalArgumentException(
            "a part of %d bytes cannot hold its slices".formatted(part.bytes()));
      }
      left -= slice.elements() * size;
    }
  }

  private static void requireExactCover(String name, BufferInfo info, List<PartSlice> slices) {
    slices.sort(Comparator.comparingLong(PartSlice::first).thenComparingLong(PartSlice::elements));
    long end = 0;
    for (PartSlice slice : slices) {
      if (slice.first() != end) {
        throw new IllegalArgumentException(
            "slices of buffer %s %s at element %d"
                .formatted(name, slice.first() < end ? "overlap" : "leave a gap", end));
      }
      end += slice.elements();
    }
    if (end != info.elements()) {
      throw new IllegalArgumentException(
          "slices of buffer %s hold %d of %d elements".formatted(name, end, info.elements()));
    }
  }

  /** Name of the checkpoint within its run: {@code <stage>-<step>}. */
  @JsonIgnore
  public String name() {
    return position.folderName();
  }

  /** Size of all parts in bytes. */
  @JsonIgnore
  public long totalBytes() {
    return parts.stream().mapToLong(Part::bytes).sum();
  }
}
