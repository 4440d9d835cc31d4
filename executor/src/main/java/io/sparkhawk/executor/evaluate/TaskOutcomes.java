package io.sparkhawk.executor.evaluate;

import java.io.Serializable;
import java.util.List;

/**
 * What the models made of one task.
 *
 * @param task the task's name
 * @param byModel for each model, one outcome for each example, in the order of the file
 */
public record TaskOutcomes(String task, TaskKind kind, List<List<Outcome>> byModel)
    implements Serializable {

  public TaskOutcomes {
    byModel = byModel.stream().map(List::copyOf).toList();
  }

  /** The number of examples. */
  public int examples() {
    return byModel.get(0).size();
  }

  /** Examples whose context lost its beginning, of the model's or models' readings the most. */
  public long truncated() {
    return byModel.stream()
        .mapToLong(outcomes -> outcomes.stream().filter(Outcome::truncated).count())
        .max()
        .orElseThrow();
  }
}
