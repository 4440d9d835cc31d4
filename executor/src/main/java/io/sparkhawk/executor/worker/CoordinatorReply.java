package io.sparkhawk.executor.worker;

import java.io.Serializable;
import java.util.Objects;

/** The coordinator's answer to a {@link CoordinatorMessage}. */
public sealed interface CoordinatorReply extends Serializable {

  /**
   * Go on.
   *
   * @param publishable the last step whose checkpoint may be published; -1 if there is none yet
   */
  record Continue(long publishable) implements CoordinatorReply {}

  /** Others have not joined yet: ask again. */
  record NotYet(int joined, int worldSize) implements CoordinatorReply {}

  /** All have joined; this is the worker's place. */
  record Placed(Place place) implements CoordinatorReply {
    public Placed {
      Objects.requireNonNull(place, "place");
    }
  }

  /** The generation is over or never was: stop. The reason is a sentence. */
  record Stop(String reason) implements CoordinatorReply {
    public Stop {
      Objects.requireNonNull(reason, "reason");
    }
  }
}
