package io.sparkhawk.executor.checkpoint;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * What lies in the folder of one checkpoint, published or not.
 *
 * @param name {@code <stage>-<step>}
 * @param stage name of the stage
 * @param step updates of the stage that were made
 * @param state whether it can be resumed from
 * @param manifest of one that is published, unless it cannot be read
 * @param problem what is wrong with a damaged one, in a sentence
 * @param bytes of all files
 * @param written when the last of its files was written; the epoch if there is none
 * @param unpublished attempts to save it that no manifest names
 */
public record CheckpointListing(
    String name,
    String stage,
    long step,
    State state,
    Optional<CheckpointManifest> manifest,
    Optional<String> problem,
    long bytes,
    Instant written,
    int unpublished) {

  /** Whether a checkpoint can be resumed from. */
  public enum State {
    /** It is published, and its parts are there with the sizes that the manifest says. */
    COMPLETE,
    /**
     * It is published, but its manifest cannot be read, or a part is missing or has another size.
     */
    DAMAGED,
    /** It has no manifest: it is being saved, or its save was interrupted. */
    UNFINISHED,
    /** Its save was interrupted, and the run has gone on without it. */
    ABANDONED
  }

  public CheckpointListing {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(stage, "stage");
    Objects.requireNonNull(state, "state");
    Objects.requireNonNull(manifest, "manifest");
    Objects.requireNonNull(problem, "problem");
    Objects.requireNonNull(written, "written");
  }
}
