package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.collective.Collective;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * The checkpoints of one run, on any file system of Hadoop that can create a file conditionally.
 *
 * <pre>
 * &lt;run folder&gt;/checkpoints/&lt;stage&gt;-&lt;step&gt;/attempt-&lt;id&gt;/part-&lt;rank&gt;.safetensors
 *                                      /manifest.json
 * </pre>
 *
 * <p>Every attempt to save writes its parts under a folder of its own; then one conditional create
 * makes the manifest, which is the commit. Nothing is renamed, and nothing points to "the latest":
 * that is the one with the highest step among those that have a manifest.
 *
 * <p>All methods throw {@link InfrastructureException} where the storage fails and {@link
 * DataException} where what it holds is corrupt.
 */
public final class CheckpointStore {

  static final String MANIFEST = "manifest.json";
  static final String ATTEMPT_PREFIX = "attempt-";
  private static final int MAX_MANIFEST_BYTES = 64 << 20;

  private final Storage storage;
  private final Path folder;
  private final Consumer<CheckpointPosition> approval;

  /** The folder of one checkpoint, published or not. */
  record Folder(Path path, String stage, long step) {

    Path manifest() {
      return new Path(path, MANIFEST);
    }
  }

  private CheckpointStore(Storage storage, Path folder, Consumer<CheckpointPosition> approval) {
    this.storage = storage;
    this.folder = folder;
    this.approval = approval;
  }

  /**
   * Opens the store of a run; nothing is created yet.
   *
   * @param hadoop settings of the file system
   * @param runFolder path or URI of the run's folder
   * @throws ConfigurationException if the path or its file system is unknown
   */
  public static CheckpointStore open(Configuration hadoop, String runFolder) {
    Path run = Storage.path(runFolder);
    return on(Storage.of(hadoop, run), run);
  }

  static CheckpointStore on(Storage storage, Path runFolder) {
    return new CheckpointStore(
        storage,
        storage.fileSystem().makeQualified(new Path(runFolder, "checkpoints")),
        position -> {});
  }

  /**
   * The same store, which asks before it publishes a checkpoint whose parts are all there.
   *
   * @param approval called on rank 0 with the checkpoint's position; may wait; a {@link
   *     io.sparkhawk.data.error.SparkhawkException} that it throws is that of the save, and the
   *     checkpoint is not published
   */
  public CheckpointStore publishingAfter(Consumer<CheckpointPosition> approval) {
    return new CheckpointStore(storage, folder, approval);
  }

  Consumer<CheckpointPosition> approval() {
    return approval;
  }

  Storage storage() {
    return storage;
  }

  FileSystem fileSystem() {
    return storage.fileSystem();
  }

  Folder folder(CheckpointPosition position) {
    return new Folder(new Path(folder, position.folderName()), position.stage(), position.step());
  }

  static Path attemptFolder(Folder checkpoint, String attempt) {
    return new Path(checkpoint.path(), ATTEMPT_PREFIX + attempt);
  }

  static Path part(Folder checkpoint, String attempt, int rank) {
    return new Path(attemptFolder(checkpoint, attempt), "part-" + rank + ".safetensors");
  }

  /** All published checkpoints, in the order of stage name and step. */
  public List<CheckpointManifest> list() {
    List<CheckpointManifest> manifests = new ArrayList<>();
    for (Folder checkpoint : folders()) {
      read(checkpoint).ifPresent(manifests::add);
    }
    return List.copyOf(manifests);
  }

  /** Everything that lies among the checkpoints, in the order of stage name and step. */
  public List<CheckpointListing> inspect() {
    return folders().stream().map(checkpoint -> FolderListing.of(this, checkpoint)).toList();
  }

  /** The published checkpoint of a stage with the highest step, if there is any. */
  public Optional<CheckpointManifest> newest(String stage) {
    List<Folder> newestFirst = folders(stage);
    for (Folder checkpoint : newestFirst) {
      Optional<CheckpointManifest> manifest = read(checkpoint);
      if (manifest.isPresent()) {
        return manifest;
      }
    }
    return Optional.empty();
  }

  /**
   * The published end of a stage, from which alone the next one may start.
   *
   * @throws DataException if the stage has not ended
   */
  public CheckpointManifest requireCompleted(String stage) {
    Optional<CheckpointManifest> newest = newest(stage);
    if (newest.isPresent() && newest.get().position().stageComplete()) {
      return newest.get();
    }
    throw new DataException(
        "Stage %s is not complete in %s: %s. Finish it before the next stage starts."
            .formatted(
                stage,
                folder,
                newest
                    .map(manifest -> "its newest checkpoint is step " + manifest.position().step())
                    .orElse("it has no checkpoint")));
  }

  /**
   * Checks that a checkpoint fits the run that wants to go on from it.
   *
   * @throws DataException if it was made with another configuration, data set or teacher
   */
  public void requireSameRun(CheckpointManifest manifest, RunHashes run) {
    manifest.hashes().requireSame(run, location(manifest));
  }

  /** Where a checkpoint lies, for people. */
  public String location(CheckpointManifest manifest) {
    return folder(manifest.position()).path().toString();
  }

  /**
   * Saves a checkpoint; called by all ranks at the same point. Returns, on all ranks, when it is
   * published.
   *
   * <p>A position is saved once: where a stage's last step is also one to save at, save it once, as
   * the stage's end.
   *
   * @return the manifest, the same on all ranks
   * @throws InfrastructureException on all ranks if one of them could not write its part, or
   *     another process published the same checkpoint first
   * @throws io.sparkhawk.data.error.UnknownStateException on all ranks if it cannot be told whether
   *     the checkpoint was published
   */
  public CheckpointManifest save(CheckpointContent content, Collective collective) {
    CheckpointSave save = startSave(content, collective);
    save.writePart();
    return save.publish(collective);
  }

  /**
   * Begins to save a checkpoint; called by all ranks at the same point. The steps of {@link #save}
   * on their own let the slow ones run beside training, as {@link BackgroundSaves} does.
   */
  public CheckpointSave startSave(CheckpointContent content, Collective collective) {
    return CheckpointSave.start(this, content, collective);
  }

  /** Loads one range of a flat buffer; see {@link #load(CheckpointManifest, List)}. */
  public void load(CheckpointManifest manifest, String buffer, long first, ByteBuffer target) {
    load(manifest, List.of(new BufferRange(buffer, first, target)));
  }

  /**
   * Fills buffers from a checkpoint, whatever the world size that saved it. Each part that holds
   * any of the wanted elements is read once, as a whole, and its checksum verified.
   *
   * @throws DataException if a buffer has no such elements, or a part is missing or corrupt; the
   *     contents of the targets are then undefined
   */
  public void load(CheckpointManifest manifest, List<BufferRange> ranges) {
    PartLoader.load(this, manifest, ranges);
  }

  /**
   * Reads all parts and verifies their sizes and checksums.
   *
   * @throws DataException if one is missing or corrupt
   */
  public void verify(CheckpointManifest manifest) {
    PartLoader.verify(this, manifest);
  }

  /**
   * As {@link #verify}, but goes on after a corrupt part and returns what is wrong, in sentences.
   */
  public List<String> problems(CheckpointManifest manifest) {
    return PartLoader.problems(this, manifest);
  }

  /**
   * Deletes checkpoints of a stage that are no longer needed; called by one rank, after a save.
   * Kept are the {@code keep} newest and every one that ends the stage. Unfinished checkpoints
   * older than the newest published one are swept away too; a save that is under way is for a later
   * step, and stays. What cannot be deleted is left for the next time.
   *
   * @return names of the checkpoints that were deleted or swept
   */
  public List<String> prune(String stage, int keep) {
    return new Retention(this, stage, keep).apply();
  }

  /** All checkpoint folders, in the order of stage name and step. */
  private List<Folder> folders() {
    List<Folder> folders = new ArrayList<>();
    for (FileStatus status : children(folder)) {
      String name = status.getPath().getName();
      int hyphen = name.lastIndexOf('-');
      if (status.isDirectory() && hyphen > 0 && name.substring(hyphen + 1).matches("\\d{1,18}")) {
        folders.add(
            new Folder(
                status.getPath(),
                name.substring(0, hyphen),
                Long.parseLong(name.substring(hyphen + 1))));
      }
    }
    folders.sort(Comparator.comparing(Folder::stage).thenComparingLong(Folder::step));
    return folders;
  }

  /** The checkpoint folders of a stage, highest step first. */
  List<Folder> folders(String stage) {
    return folders().stream()
        .filter(checkpoint -> checkpoint.stage().equals(stage))
        .sorted(Comparator.comparingLong(Folder::step).reversed())
        .toList();
  }

  List<FileStatus> children(Path path) {
    try {
      return List.of(fileSystem().listStatus(path));
    } catch (FileNotFoundException e) {
      return List.of();
    } catch (IOException e) {
      throw Storage.readFailure(path, e);
    }
  }

  private Optional<CheckpointManifest> read(Folder checkpoint) {
    try {
      return readManifest(checkpoint).flatMap(found -> found);
    } catch (IOException e) {
      throw new InfrastructureException(
          "Checkpoint manifest %s cannot be read: %s.".formatted(checkpoint.manifest(), e), e);
    }
  }

  /** Empty if there is no manifest; empty within if it says that the checkpoint was abandoned. */
  Optional<Optional<CheckpointManifest>> readManifest(Folder checkpoint) throws IOException {
    String path = checkpoint.manifest().toString();
    byte[] json;
    try (var in = fileSystem().open(checkpoint.manifest())) {
      json = in.readNBytes(MAX_MANIFEST_BYTES + 1);
    } catch (FileNotFoundException e) {
      return Optional.empty();
    }
    if (json.length > MAX_MANIFEST_BYTES) {
      throw new DataException(
          "Checkpoint manifest %s is larger than %d bytes.".formatted(path, MAX_MANIFEST_BYTES));
    }
    Optional<CheckpointManifest> manifest = ManifestJson.read(path, json);
    if (manifest.isPresent() && !manifest.get().name().equals(checkpoint.path().getName())) {
      throw new DataException(
          "Checkpoint manifest %s is that of %s; it was moved."
              .formatted(path, manifest.get().name()));
    }
    return Optional.of(manifest);
  }
}
