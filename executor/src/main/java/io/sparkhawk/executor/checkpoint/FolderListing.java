package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.checkpoint.CheckpointListing.State;
import io.sparkhawk.executor.checkpoint.CheckpointStore.Folder;
import java.io.IOException;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.fs.FileStatus;

/** Looks at the files of one checkpoint's folder, without reading its parts. */
final class FolderListing {

  private final CheckpointStore store;
  private final Folder folder;

  /** Sizes of all parts, by the id of their attempt and their name. */
  private final Map<String, Map<String, Long>> attempts = new HashMap<>();

  private long bytes;
  private long lastWritten;

  private FolderListing(CheckpointStore store, Folder folder) {
    this.store = store;
    this.folder = folder;
  }

  static CheckpointListing of(CheckpointStore store, Folder folder) {
    FolderListing listing = new FolderListing(store, folder);
    listing.lookAtFiles();
    return listing.listing();
  }

  private void lookAtFiles() {
    for (FileStatus child : store.children(folder.path())) {
      String name = child.getPath().getName();
      if (child.isFile()) {
        count(child);
      } else if (name.startsWith(CheckpointStore.ATTEMPT_PREFIX)) {
        Map<String, Long> parts = new HashMap<>();
        for (FileStatus part : store.children(child.getPath())) {
          count(part);
          parts.put(part.getPath().getName(), part.getLen());
        }
        attempts.put(name.substring(CheckpointStore.ATTEMPT_PREFIX.length()), parts);
      }
    }
  }

  private void count(FileStatus file) {
    bytes += file.getLen();
    lastWritten = Math.max(lastWritten, file.getModificationTime());
  }

  private CheckpointListing listing() {
    try {
      Optional<Optional<CheckpointManifest>> found = store.readManifest(folder);
      if (found.isEmpty()) {
        return listing(State.UNFINISHED, Optional.empty(), Optional.empty());
      }
      if (found.get().isEmpty()) {
        return listing(State.ABANDONED, Optional.empty(), Optional.empty());
      }
      Optional<String> problem = problem(found.get().get());
      return listing(problem.isPresent() ? State.DAMAGED : State.COMPLETE, found.get(), problem);
    } catch (DataException e) {
      return listing(State.DAMAGED, Optional.empty(), Optional.of(e.getMessage()));
    } catch (IOException e) {
      throw new InfrastructureException(
          "Checkpoint manifest %s cannot be read: %s.".formatted(folder.manifest(), e), e);
    }
  }

  private Optional<String> problem(CheckpointManifest manifest) {
    Map<String, Long> parts = attempts.getOrDefault(manifest.attempt(), Map.of());
    for (int rank = 0; rank < manifest.worldSize(); rank++) {
      var path = CheckpointStore.part(folder, manifest.attempt(), rank);
      Long size = parts.get(path.getName());
      if (size == null) {
        return Optional.of(
            "Checkpoint part %s is missing, though its manifest names it.".formatted(path));
      }
      long expected = manifest.parts().get(rank).bytes();
      if (size != expected) {
        return Optional.of(
            "Checkpoint part %s has %d bytes, but its manifest says %d; it is corrupt."
                .formatted(path, size, expected));
      }
    }
    return Optional.empty();
  }

  private CheckpointListing listing(
      State state, Optional<CheckpointManifest> manifest, Optional<String> problem) {
    int named =
        manifest.map(CheckpointManifest::attempt).filter(attempts::containsKey).isPresent() ? 1 : 0;
    return new CheckpointListing(
        folder.path().getName(),
        folder.stage(),
        folder.step(),
        state,
        manifest,
        problem,
        bytes,
        Instant.ofEpochMilli(lastWritten),
        attempts.size() - named);
  }
}
