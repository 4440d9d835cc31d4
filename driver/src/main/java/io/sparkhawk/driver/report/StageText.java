package io.sparkhawk.driver.report;

import io.sparkhawk.executor.stage.StageKind;
import java.util.Locale;

/**
 * How the report speaks of a stage.
 *
 * @param name its name in configurations and files
 * @param title its name in the paper
 * @param loss what its loss is
 */
record StageText(String name, String title, String loss) {

  static StageText of(StageKind stage) {
    return switch (stage) {
      case MATRIX ->
          new StageText("matrix", "Matrix orientation", "Frobenius norm, mean over heads");
      case HIDDEN ->
          new StageText("hidden", "Hidden-state alignment", "L2 norm, mean over positions");
      case DISTILL ->
          new StageText("distill", "End-to-end distillation", "cross-entropy, nats per token");
    };
  }

  /** The stage of this name. */
  static StageText of(String name) {
    return of(StageKind.valueOf(name.toUpperCase(Locale.ROOT)));
  }
}
