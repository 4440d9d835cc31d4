package io.sparkhawk.executor.compare;

import java.io.Serializable;
import java.util.Objects;

/**
 * What teacher and student write after the same beginning, each taking the most likely token at
 * every step.
 */
public record TextPair(String prompt, String teacher, String student) implements Serializable {

  public TextPair {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(teacher, "teacher");
    Objects.requireNonNull(student, "student");
  }
}
