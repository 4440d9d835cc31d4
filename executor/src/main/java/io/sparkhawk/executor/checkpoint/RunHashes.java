package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.data.error.DataException;
import java.io.Serializable;
import java.util.Objects;

/**
 * What a run is made from; a checkpoint fits only a run with the same. Each is any text that
 * differs where the thing differs, such as a SHA-256.
 *
 * @param configuration of the settings that change the result
 * @param data of the data set's manifest
 * @param teacher of the teacher's weights
 */
public record RunHashes(String configuration, String data, String teacher) implements Serializable {

  public RunHashes {
    Objects.requireNonNull(configuration, "configuration");
    Objects.requireNonNull(data, "data");
    Objects.requireNonNull(teacher, "teacher");
  }

  void requireSame(RunHashes run, String checkpoint) {
    requireSame("configuration", configuration, run.configuration, checkpoint);
    requireSame("data set", data, run.data, checkpoint);
    requireSame("teacher", teacher, run.teacher, checkpoint);
  }

  private static void requireSame(String what, String saved, String now, String checkpoint) {
    if (!saved.equals(now)) {
      throw new DataException(
          ("Checkpoint %s was made with another %s (hash %s, now %s). Use the one it was made with,"
                  + " or start a run of another name.")
              .formatted(checkpoint, what, saved, now));
    }
  }
}
