package io.sparkhawk.executor.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.error.UnknownStateException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.checkpoint.CheckpointContent.Slice;
import io.sparkhawk.executor.checkpoint.CheckpointManifest.BufferInfo;
import io.sparkhawk.executor.checkpoint.CheckpointManifest.Part;
import io.sparkhawk.executor.checkpoint.CheckpointManifest.PartSlice;
import io.sparkhawk.executor.checkpoint.CheckpointStore.Folder;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.safetensors.SafetensorsWriter;
import io.sparkhawk.executor.safetensors.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.StreamCapabilities;

/**
 * One attempt to save a checkpoint, as one rank sees it: {@link #start} and {@link #publish} are
 * calls that all ranks make together; {@link #writePart} between them needs nobody else and may run
 * on another thread.
 */
public final class CheckpointSave {

  private static final JsonMapper MESSAGES = JsonMapper.builder().build();

  private final CheckpointStore store;
  private final CheckpointContent content;
  private final String attempt;
  private final int rank;
  private final int worldSize;
  private final Folder folder;

  /** Set by {@link #writePart}; volatile because publishing may happen on another thread. */
  private volatile PartReport report = new PartReport(null, Map.of(), "it did not write its part");

  /** What a rank tells the others about its part: either the part or why there is none. */
  private record PartReport(Part part, Map<String, BufferInfo> buffers, String failure) {

    static PartReport failed(SparkhawkException failure) {
      return new PartReport(null, Map.of(), failure.getMessage());
    }
  }

  /** What rank 0 tells the others: the exit code and message of a failure, or 0 and nothing. */
  private record Outcome(int exitCode, String message) {}

  private CheckpointSave(
      CheckpointStore store, CheckpointContent content, String attempt, Collective collective) {
    this.store = store;
    this.content = content;
    this.attempt = attempt;
    this.rank = collective.rank();
    this.worldSize = collective.worldSize();
    this.folder = store.folder(content.position());
  }

  static CheckpointSave start(
      CheckpointStore store, CheckpointContent content, Collective collective) {
    byte[] id = new byte[16];
    new SecureRandom().nextBytes(id);
    collective.broadcast(ByteBuffer.wrap(id), 0);
    return new CheckpointSave(store, content, HexFormat.of().formatHex(id), collective);
  }

  /**
   * Writes this rank's part. Does not throw where the storage fails: {@link #publish} tells all
   * ranks.
   */
  public void writePart() {
    Path path = CheckpointStore.part(folder, attempt, rank);
    try {
      if (rank == 0) {
        deleteAbandoned();
      }
      report = new PartReport(write(path), buffers(), null);
    } catch (SparkhawkException e) {
      report = PartReport.failed(e);
    } catch (IOException e) {
      report = PartReport.failed(Storage.writeFailure(path, e));
    } catch (FSError e) {
      report = PartReport.failed(Storage.diskFailure(e));
    }
  }

  private Part write(Path path) throws IOException {
    List<TensorInfo> tensors = new ArrayList<>();
    List<PartSlice> slices = new ArrayList<>();
    for (Slice slice : content.slices()) {
      long end = slice.first() + slice.elements();
      tensors.add(
          TensorInfo.of(
              "%s[%d:%d]".formatted(slice.name(), slice.first(), end),
              slice.type(),
              slice.elements()));
      slices.add(new PartSlice(slice.name(), slice.first(), slice.elements()));
    }
    Map<String, String> metadata =
        new TreeMap<>(
            Map.of(
                "checkpoint", content.position().folderName(),
                "attempt", attempt,
                "rank", Integer.toString(rank),
                "world_size", Integer.toString(worldSize)));
    try (FSDataOutputStream file = store.fileSystem().create(path, false)) {
      HashingChannel out = new HashingChannel(file);
      SafetensorsWriter writer = SafetensorsWriter.start(out, metadata, tensors);
      for (Slice slice : content.slices()) {
        writer.append(slice.values().duplicate());
      }
      writer.finish();
      if (file.hasCapability(StreamCapabilities.HSYNC)) {
        file.hsync(); // the manifest must not survive a loss of power that its parts do not
      }
      return new Part(out.written(), out.sha256Hex(), slices);
    }
  }

  private Map<String, BufferInfo> buffers() {
    Map<String, BufferInfo> buffers = new TreeMap<>();
    for (Slice slice : content.slices()) {
      buffers.put(slice.name(), new BufferInfo(slice.type(), slice.totalElements()));
    }
    return buffers;
  }

  /**
   * Publishes the checkpoint when all ranks have written their parts; called by all ranks at the
   * same point. Throws as {@link CheckpointStore#save} does.
   *
   * @return the manifest, the same on all ranks
   */
  public CheckpointManifest publish(Collective collective) {
    List<PartReport> reports =
        collective.allGather(message(report)).stream()
            .map(json -> message(json, PartReport.class))
            .toList();
    for (int writer = 0; writer < worldSize; writer++) {
      String failure = reports.get(writer).failure();
      if (failure != null) {
        if (rank == 0) {
          deleteAttempt();
        }
        throw new InfrastructureException(
            "Checkpoint %s is not saved, because of rank %d of %d: %s"
                .formatted(folder.path(), writer, worldSize, failure));
      }
    }
    CheckpointManifest manifest = manifest(reports);
    SparkhawkException failure = rank == 0 ? publishAlone(manifest) : null;
    Outcome mine =
        failure == null
            ? new Outcome(0, "")
            : new Outcome(failure.exitCode(), failure.getMessage());
    byte[] ofFirst = collective.allGather(message(mine)).get(0);
    throwIfFailed(message(ofFirst, Outcome.class), failure);
    return manifest;
  }

  private CheckpointManifest manifest(List<PartReport> reports) {
    Map<String, BufferInfo> buffers = new TreeMap<>();
    for (PartReport ofRank : reports) {
      ofRank
          .buffers()
          .forEach(
              (name, info) -> {
                BufferInfo other = buffers.putIfAbsent(name, info);
                if (other != null && !other.equals(info)) {
                  throw new IllegalArgumentException(
                      "ranks differ on buffer %s: %s and %s".formatted(name, other, info));
                }
              });
    }
    return new CheckpointManifest(
        attempt,
        worldSize,
        content.position(),
        content.hashes(),
        buffers,
        reports.stream().map(PartReport::part).toList(),
        content.metrics());
  }

  /** Null if the checkpoint is published; else what rank 0 has to tell the others. */
  private SparkhawkException publishAlone(CheckpointManifest manifest) {
    try {
      publishOrThrow(manifest);
      return null;
    } catch (SparkhawkException e) {
      return e;
    }
  }

  /**
   * Creates the manifest: the commit. The attempt id in it tells a lost reply from a lost race, so
   * that "the file holds this content" means "this attempt is published".
   */
  private void publishOrThrow(CheckpointManifest manifest) {
    boolean published;
    try {
      published = store.storage().createIfAbsent(folder.manifest(), ManifestJson.write(manifest));
    } catch (InfrastructureException e) {
      throw new InfrastructureException(
          "Checkpoint %s is not published: %s".formatted(folder.path(), e.getMessage()), e);
    } catch (UnknownStateException e) {
      throw new UnknownStateException(
          "It is unknown whether checkpoint %s is published (attempt %s): %s"
              .formatted(folder.path(), attempt, e.getMessage()),
          e);
    }
    if (!published) {
      throw lostRace();
    }
  }

  private InfrastructureException lostRace() {
    Optional<CheckpointManifest> winner;
    try {
      winner = store.readManifest(folder).flatMap(found -> found);
    } catch (IOException e) {
      return new InfrastructureException(
          "Checkpoint %s is not published: another process was first, and its manifest cannot be read: %s."
              .formatted(folder.path(), e),
          e);
    }
    return new InfrastructureException(
        winner
            .map(
                manifest ->
                    ("Checkpoint %s was published by another process at the same time (attempt %s,"
                            + " not %s). If two runs use this run folder, stop one of them.")
                        .formatted(folder.path(), manifest.attempt(), attempt))
            .orElseGet(
                () ->
                    ("Checkpoint %s is not published: another process gave attempt %s up, as the"
                            + " run has gone on without it.")
                        .formatted(folder.path(), attempt)));
  }

  /**
   * A checkpoint that was once abandoned and is now reached again, from an older one, is saved like
   * any other. That is for new attempts only: the mark stops those that were under way.
   */
  private void deleteAbandoned() throws IOException {
    Optional<Optional<CheckpointManifest>> found = store.readManifest(folder);
    if (found.isPresent() && found.get().isEmpty()) {
      store.fileSystem().delete(folder.manifest(), false);
    }
  }

  /** Only where no manifest can name the attempt any more. */
  private void deleteAttempt() {
    try {
      store.fileSystem().delete(CheckpointStore.attemptFolder(folder, attempt), true);
    } catch (IOException ignored) {
      // It is swept with other unfinished attempts later.
    }
  }

  private void throwIfFailed(Outcome outcome, SparkhawkException ofThisRank) {
    if (ofThisRank != null) {
      throw ofThisRank;
    }
    switch (outcome.exitCode()) {
      case 0 -> {}
      case 3 -> throw new DataException(outcome.message());
      case 4 -> throw new InfrastructureException(outcome.message());
      case 5 -> throw new UnknownStateException(outcome.message());
      default -> throw new ConfigurationException(outcome.message());
    }
  }

  private static byte[] message(Object message) {
    try {
      return MESSAGES.writeValueAsBytes(message);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("records of this class can be written", e);
    }
  }

  private static <T> T message(byte[] json, Class<T> type) {
    try {
      return MESSAGES.readValue(json, type);
    } catch (IOException e) {
      throw new IllegalStateException("what another rank of this program wrote can be read", e);
    }
  }
}
