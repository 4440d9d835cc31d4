package io.sparkhawk.driver.retrain;

import io.sparkhawk.driver.registry.ModelScores;
import java.util.List;

/**
 * The models on the same held-out rows and tasks.
 *
 * @param productionVersion the version in production; 0 if there was none
 * @param candidate the round's student
 * @param teacher the teacher
 * @param production the student in production, in a list that is empty if there was none
 * @param seconds that the measuring took
 */
public record Comparison(
    long productionVersion,
    ModelScores candidate,
    ModelScores teacher,
    List<ModelScores> production,
    double seconds) {

  public Comparison {
    production = List.copyOf(production);
  }
}
