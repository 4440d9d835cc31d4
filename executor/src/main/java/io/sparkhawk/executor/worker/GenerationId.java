package io.sparkhawk.executor.worker;

import java.io.Serializable;
import java.util.Objects;

/**
 * Names one attempt of a set of workers to do one piece of work together.
 *
 * @param work what they do, in the words of messages: {@code stage matrix}
 * @param attempt number of this attempt, from 1
 */
public record GenerationId(String work, int attempt) implements Serializable {

  public GenerationId {
    Objects.requireNonNull(work, "work");
    if (attempt < 1) {
      throw new IllegalArgumentException("attempts count from 1: " + attempt);
    }
  }

  @Override
  public String toString() {
    return work + ", attempt " + attempt;
  }
}
