package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.executor.checkpoint.CheckpointManifest.BufferInfo;
import io.sparkhawk.executor.checkpoint.CheckpointManifest.Part;
import io.sparkhawk.executor.checkpoint.CheckpointManifest.PartSlice;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;

/**
 * Reads the parts of a checkpoint, each in one pass that verifies its checksum and copies what is
 * wanted of it: the bytes that are verified are those that are loaded.
 */
final class PartLoader {

  private static final int PIECE = 1 << 20;

  private static final String ADVICE =
      "Restore it, or delete the folder of this checkpoint: the run then goes on from the one before.";

  private PartLoader() {}

  /** Bytes {@code from} to {@code to} (exclusive) of a part, and where in a target they belong. */
  private record Copy(long from, long to, ByteBuffer target, int targetIndex) {

    /** Copies what a piece of the part, which starts at byte {@code start}, has of these bytes. */
    void take(byte[] piece, int length, long start) {
      long first = Math.max(from, start);
      long end = Math.min(to, start + length);
      if (first < end) {
        int index = targetIndex + (int) (first - from);
        target.put(index, piece, (int) (first - start), (int) (end - first));
      }
    }
  }

  static void verify(CheckpointStore store, CheckpointManifest manifest) {
    for (int rank = 0; rank < manifest.worldSize(); rank++) {
      read(store, manifest, rank, List.of());
    }
  }

  static List<String> problems(CheckpointStore store, CheckpointManifest manifest) {
    List<String> problems = new ArrayList<>();
    for (int rank = 0; rank < manifest.worldSize(); rank++) {
      try {
        read(store, manifest, rank, List.of());
      } catch (DataException e) {
        problems.add(e.getMessage());
      }
    }
    return problems;
  }

  static void load(CheckpointStore store, CheckpointManifest manifest, List<BufferRange> ranges) {
    ranges.forEach(range -> requireThere(store, manifest, range));
    for (int rank = 0; rank < manifest.worldSize(); rank++) {
      List<Copy> copies = copies(manifest, manifest.parts().get(rank), ranges);
      if (!copies.isEmpty()) {
        read(store, manifest, rank, copies);
      }
    }
  }

  private static void requireThere(
      CheckpointStore store, CheckpointManifest manifest, BufferRange range) {
    BufferInfo info = manifest.buffers().get(range.buffer());
    if (info == null) {
      throw new DataException(
          "Checkpoint %s has no buffer %s; it has %s."
              .formatted(store.location(manifest), range.buffer(), manifest.buffers().keySet()));
    }
    int bytes = range.target().remaining();
    if (bytes % info.type().bytes() != 0
        || range.first() < 0
        || range.first() > info.elements() - bytes / info.type().bytes()) {
      throw new DataException(
          ("Checkpoint %s has %d elements of %s in buffer %s, so %d bytes from element %d"
                  + " on cannot be loaded.")
              .formatted(
                  store.location(manifest),
                  info.elements(),
                  info.type(),
                  range.buffer(),
                  bytes,
                  range.first()));
    }
  }

  private static List<Copy> copies(
      CheckpointManifest manifest, Part part, List<BufferRange> ranges) {
    List<Copy> copies = new ArrayList<>();
    long dataStart = part.bytes() - dataBytes(manifest, part);
    for (PartSlice slice : part.slices()) {
      int size = manifest.buffers().get(slice.buffer()).type().bytes();
      for (BufferRange range : ranges) {
        long wantedEnd = range.first() + range.target().remaining() / size;
        long first = Math.max(slice.first(), range.first());
        long end = Math.min(slice.first() + slice.elements(), wantedEnd);
        if (range.buffer().equals(slice.buffer()) && first < end) {
          copies.add(
              new Copy(
                  dataStart + (first - slice.first()) * size,
                  dataStart + (end - slice.first()) * size,
                  range.target(),
                  range.target().position() + (int) ((first - range.first()) * size)));
        }
      }
      dataStart += slice.elements() * size;
    }
    return copies;
  }

  private static long dataBytes(CheckpointManifest manifest, Part part) {
    return part.slices().stream()
        .mapToLong(
            slice -> slice.elements() * manifest.buffers().get(slice.buffer()).type().bytes())
        .sum();
  }

  private static void read(
      CheckpointStore store, CheckpointManifest manifest, int rank, List<Copy> copies) {
    Part part = manifest.parts().get(rank);
    Path path = CheckpointStore.part(store.folder(manifest.position()), manifest.attempt(), rank);
    try {
      long bytes = store.fileSystem().getFileStatus(path).getLen();
      if (bytes != part.bytes()) {
        throw new DataException(
            "Checkpoint part %s has %d bytes, but its manifest says %d; it is corrupt. %s"
                .formatted(path, bytes, part.bytes(), ADVICE));
      }
      String sha256;
      try (FSDataInputStream in = store.fileSystem().open(path)) {
        sha256 = copyAndHash(in, bytes, copies);
      }
      if (!sha256.equals(part.sha256())) {
        throw new DataException(
            "Checkpoint part %s is corrupt: its SHA-256 should be %s, but is %s. %s"
                .formatted(path, part.sha256(), sha256, ADVICE));
      }
    } catch (FileNotFoundException e) {
      throw new DataException(
          "Checkpoint part %s is missing, though its manifest names it. %s".formatted(path, ADVICE),
          e);
    } catch (IOException e) {
      throw new InfrastructureException(
          "Checkpoint part %s cannot be read: %s.".formatted(path, e), e);
    }
  }

  private static String copyAndHash(FSDataInputStream in, long bytes, List<Copy> copies)
      throws IOException {
    MessageDigest digest = Checksum.newDigest();
    byte[] piece = new byte[PIECE];
    for (long position = 0; position < bytes; ) {
      int length = in.read(piece, 0, (int) Math.min(piece.length, bytes - position));
      if (length < 0) {
        throw new EOFException("it ended after %d of %d bytes".formatted(position, bytes));
      }
      digest.update(piece, 0, length);
      for (Copy copy : copies) {
        copy.take(piece, length, position);
      }
      position += length;
    }
    return Checksum.hex(digest.digest());
  }
}
