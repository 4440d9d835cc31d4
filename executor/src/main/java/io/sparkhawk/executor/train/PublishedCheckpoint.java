package io.sparkhawk.executor.train;

import java.io.Serializable;
import java.util.Objects;

/**
 * A checkpoint that has become visible.
 *
 * @param stage the stage's name
 * @param step steps of the stage that it holds
 * @param location where it lies
 * @param bytes size of all its parts
 */
public record PublishedCheckpoint(String stage, long step, String location, long bytes)
    implements Serializable {

  public PublishedCheckpoint {
    Objects.requireNonNull(stage, "stage");
    Objects.requireNonNull(location, "location");
  }
}
