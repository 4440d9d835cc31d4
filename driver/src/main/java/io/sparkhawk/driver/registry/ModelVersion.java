package io.sparkhawk.driver.registry;

import java.util.Objects;

/**
 * One version of the model in production. The newest version is the one that is in production.
 *
 * @param version from 1
 * @param kind how it came to be
 * @param of the version whose model it is: itself, or the one that a rollback brought back
 * @param model folder of the student
 * @param at when it was made, in ISO 8601
 * @param scores what the student was measured at before it was promoted
 * @param lineage where the student came from
 */
public record ModelVersion(
    long version,
    Kind kind,
    long of,
    String model,
    String at,
    ModelScores scores,
    Lineage lineage) {

  /** How a version came to be. */
  public enum Kind {
    PROMOTION,
    ROLLBACK
  }

  public ModelVersion {
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(scores, "scores");
    Objects.requireNonNull(lineage, "lineage");
  }

  /** A version that brings this one's model back. */
  ModelVersion broughtBack(long asVersion, String when) {
    return new ModelVersion(asVersion, Kind.ROLLBACK, of, model, when, scores, lineage);
  }
}
