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
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.StreamCapabilities;

/**
 * One attempt to save a checkpoint, as one rank sees it.
 *
 * <p>{@link #start}, {@link #agree} and {@link #isPublished} (and {@link #publish}, which is all
 * that is left after the parts) are calls that all ranks make together. The slow parts between
 * them, {@link #writePart} on each rank and {@link #writeManifest} on rank 0, need nobody else and
 * may run on another thread.
 */
public final class CheckpointSave {

  private static final JsonMapper MESSAGES = JsonMapper.builder().build();
  private static final byte[] NOTHING_YET = {};

  private final CheckpointStore store;
  private final CheckpointContent content;
  private final String attempt;
  private final int rank;
  private final int worldSize;
  private final Folder folder;

  /** What this rank has to tell of its part; empty before {@link #writePart} has ended. */
  private volatile Optional<PartReport> report = Optional.empty();

  /** What rank 0 has to tell of the manifest; empty before {@link #writeManifest} has ended. */
  private volatile Optional<Outcome> published = Optional.empty();

  /** Why this rank has failed; written before what tells the others of it. */
  private volatile SparkhawkException failure;

  /** What others have still to do, in words, as was last exchanged. */
  private String missing = "";

  /** What a rank tells the others about its part: either the part or why there is none. */
  private record PartReport(Part part, Map<String, BufferInfo> buffers, Outcome outcome) {}

  /** The exit code and message of a failure, or 0 and nothing. */
  private record Outcome(int exitCode, String message) {

    static final Outcome SUCCESS = new Outcome(0, "");

    static Outcome of(SparkhawkException failure) {
      return new Outcome(failure.exitCode(), failure.getMessage());
    }
  }

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

  /** Where the checkpoint lies, for messages. */
  String location() {
    return folder.path().toString();
  }

  /** What was missing when the ranks last exchanged how far they are, in words. */
  String missing() {
    return missing;
  }

  /**
   * Writes this rank's part. Does not throw where the storage fails: {@link #agree} tells all
   * ranks.
   */
  public void writePart() {
    Path path = CheckpointStore.part(folder, attempt, rank);
    try {
      if (rank == 0) {
        deleteAbandoned();
      }
      report = Optional.of(new PartReport(write(path), buffers(), Outcome.SUCCESS));
    } catch (SparkhawkException e) {
      failed(e);
    } catch (IOException e) {
      failed(Storage.writeFailure(path, e));
    } catch (FSError e) {
      failed(Storage.diskFailure(e));
    }
  }

  private void failed(SparkhawkException reason) {
    failure = reason;
    report = Optional.of(new PartReport(null, Map.of(), Outcome.of(reason)));
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
   * Publishes the checkpoint, of which all ranks have written their parts; called by all ranks at
   * the same point. Throws as {@link CheckpointStore#save} does.
   *
   * @return the manifest, the same on all ranks
   */
  public CheckpointManifest publish(Collective collective) {
    CheckpointManifest manifest =
        agree(collective).orElseThrow(() -> new IllegalStateException(missing));
    if (rank == 0) {
      writeManifest(manifest, () -> {});
    }
    if (!isPublished(collective)) {
      throw new IllegalStateException(missing);
    }
    return manifest;
  }

  /**
   * Exchanges which ranks have written their parts; called by all ranks at the same point.
   *
   * @return the manifest to be, on all ranks in the same call; empty while a part is missing
   * @throws SparkhawkException on all ranks in the same call, if a rank could not write its part
   *     and all others have ended theirs
   */
  Optional<CheckpointManifest> agree(Collective collective) {
    List<byte[]> messages =
        collective.allGather(report.map(CheckpointSave::message).orElse(NOTHING_YET));
    List<Integer> writing =
        IntStream.range(0, worldSize).filter(i -> messages.get(i).length == 0).boxed().toList();
    if (!writing.isEmpty()) {
      missing =
          writing.stream()
              .map(String::valueOf)
              .collect(
                  Collectors.joining(
                      ", ", "rank ", " of " + worldSize + " had not written its part"));
      return Optional.empty();
    }
    List<PartReport> reports =
        messages.stream().map(json -> message(json, PartReport.class)).toList();
    for (int writer = 0; writer < worldSize; writer++) {
      requireWritten(writer, reports.get(writer).outcome());
    }
    missing = "rank 0 had not written the manifest";
    return Optional.of(manifest(reports));
  }

  private void requireWritten(int writer, Outcome outcome) {
    if (outcome.exitCode() != 0) {
      if (rank == 0) {
        deleteAttempt();
      }
      String message =
          "Checkpoint %s is not saved, because of rank %d of %d: %s"
              .formatted(folder.path(), writer, worldSize, outcome.message());
      throw exception(new Outcome(outcome.exitCode(), message), writer == rank ? failure : null);
    }
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

  /**
   * Writes what the ranks have agreed on; called by rank 0. Does not throw where the storage fails:
   * {@link #isPublished} tells all ranks.
   *
   * @param afterwards what rank 0 does once the checkpoint is published, before the others hear of
   *     that; its failure is theirs too
   */
  void writeManifest(CheckpointManifest manifest, Runnable afterwards) {
    try {
      publishOrThrow(manifest);
      afterwards.run();
      published = Optional.of(Outcome.SUCCESS);
    } catch (SparkhawkException e) {
      failure = e;
      published = Optional.of(Outcome.of(e));
    }
  }

  /**
   * Exchanges whether rank 0 has written the manifest; called by all ranks at the same point.
   *
   * @return the same on all ranks
   * @throws SparkhawkException on all ranks in the same call, if rank 0 could not
   */
  boolean isPublished(Collective collective) {
    byte[] ofFirst =
        collective.allGather(published.map(CheckpointSave::message).orElse(NOTHING_YET)).get(0);
    if (ofFirst.length == 0) {
      return false;
    }
    Outcome outcome = message(ofFirst, Outcome.class);
    if (outcome.exitCode() != 0) {
      throw rank == 0 ? failure : exception(outcome, null);
    }
    return true;
  }

  /**
   * Creates the manifest: the commit. The attempt id in it tells a lost reply from a lost race, so
   * that "the file holds this content" means "this attempt is published".
   */
  private void publishOrThrow(CheckpointManifest manifest) {
    store.approval().accept(manifest.position());
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

  /** The failure of some rank as it was there; {@code cause} where that is this one, else null. */
  private static SparkhawkException exception(Outcome outcome, Throwable cause) {
    return switch (outcome.exitCode()) {
      case 3 -> new DataException(outcome.message(), cause);
      case 4 -> new InfrastructureException(outcome.message(), cause);
      case 5 -> new UnknownStateException(outcome.message(), cause);
      default -> new ConfigurationException(outcome.message(), cause);
    };
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
