package io.sparkhawk.driver.registry;

import java.util.Map;
import java.util.TreeMap;

/**
 * What a model was measured at.
 *
 * @param perplexity on the held-out rows; NaN if it is not finite
 * @param tokens held-out tokens behind it
 * @param tasks accuracy on each task, from 0 to 1, by the task's name
 */
public record ModelScores(double perplexity, long tokens, Map<String, Double> tasks) {

  public ModelScores {
    tasks = tasks == null ? Map.of() : Map.copyOf(new TreeMap<>(tasks));
  }
}
