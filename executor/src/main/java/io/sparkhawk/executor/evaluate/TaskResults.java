package io.sparkhawk.executor.evaluate;

import java.io.Serializable;
import java.util.List;

/**
 * What the models made of all tasks.
 *
 * @param maxLength most tokens that the models read at once
 */
public record TaskResults(int maxLength, List<TaskOutcomes> tasks) implements Serializable {

  public TaskResults {
    tasks = List.copyOf(tasks);
  }
}
