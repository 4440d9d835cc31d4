package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.checkpoint.CheckpointStore.Folder;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;

/**
 * Deletes what a stage no longer needs.
 *
 * <p>Invariants: a checkpoint is deleted only while newer published ones exist; a manifest is never
 * there without its parts. So a published checkpoint loses its manifest first and its parts after
 * that; and an unfinished one first gets a manifest that says it is abandoned, because a process
 * that was believed dead may still be about to publish it.
 */
final class Retention {

  private static final Logger LOG = System.getLogger(Retention.class.getName());

  private final CheckpointStore store;
  private final String stage;
  private final int keep;
  private final List<String> deleted = new ArrayList<>();

  Retention(CheckpointStore store, String stage, int keep) {
    if (keep < 1) {
      throw new IllegalArgumentException("keep must be positive: " + keep);
    }
    this.store = store;
    this.stage = stage;
    this.keep = keep;
  }

  List<String> apply() {
    int published = 0;
    for (Folder checkpoint : store.folders(stage)) {
      try {
        Optional<Optional<CheckpointManifest>> found = store.readManifest(checkpoint);
        if (found.isPresent() && found.get().isPresent()) {
          published++;
          keepOrDelete(checkpoint, found.get().get(), published);
        } else if (published > 0) {
          sweep(checkpoint, found.isPresent());
        }
      } catch (IOException | InfrastructureException e) {
        // What is left over costs space, and training is worth more; the next save tries again.
        LOG.log(Level.WARNING, "Old checkpoint " + checkpoint.path() + " is not deleted", e);
      }
    }
    return List.copyOf(deleted);
  }

  /**
   * @param age 1 for the newest published checkpoint, 2 for the one before
   */
  private void keepOrDelete(Folder checkpoint, CheckpointManifest manifest, int age)
      throws IOException {
    if (age > keep && !manifest.position().stageComplete()) {
      delete(checkpoint.manifest());
      delete(checkpoint.path());
      deleted.add(checkpoint.path().getName());
      return;
    }
    // Attempts that lost: no manifest can name them any more.
    Path published = CheckpointStore.attemptFolder(checkpoint, manifest.attempt());
    deleteAttempts(checkpoint, published.getName());
  }

  private void sweep(Folder checkpoint, boolean abandoned) throws IOException {
    if (!abandoned
        && !store.storage().createIfAbsent(checkpoint.manifest(), ManifestJson.abandoned())) {
      return; // It was published just now; the next time tells.
    }
    if (deleteAttempts(checkpoint, "")) {
      deleted.add(checkpoint.path().getName());
    }
  }

  private boolean deleteAttempts(Folder checkpoint, String butForName) throws IOException {
    boolean any = false;
    for (FileStatus child : store.children(checkpoint.path())) {
      String name = child.getPath().getName();
      if (name.startsWith(CheckpointStore.ATTEMPT_PREFIX) && !name.equals(butForName)) {
        delete(child.getPath());
        any = true;
      }
    }
    return any;
  }

  private void delete(Path path) throws IOException {
    if (!store.fileSystem().delete(path, true) && store.fileSystem().exists(path)) {
      throw new IOException("the file system refused to delete " + path);
    }
  }
}
