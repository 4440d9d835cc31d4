package io.sparkhawk.executor.evaluate;

import java.util.List;

/** The forms of a task; one file holds one of them. */
public enum TaskKind {
  /** Several continuations of one context, one of which is right. */
  MULTIPLE_CHOICE,
  /** One continuation after several contexts, one of which is right: WinoGrande. */
  PARTIAL,
  /** The last word of a text: LAMBADA. */
  LAST_WORD;

  /** What is measured on a task of this kind. */
  public List<Metric> metrics() {
    return switch (this) {
      case MULTIPLE_CHOICE -> List.of(Metric.ACC, Metric.ACC_NORM, Metric.ACC_BYTES);
      case PARTIAL -> List.of(Metric.ACC);
      case LAST_WORD -> List.of(Metric.ACC, Metric.PERPLEXITY);
    };
  }
}
