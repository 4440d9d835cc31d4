package io.sparkhawk.executor.evaluate;

import java.util.Objects;

/**
 * A text whose log-likelihood after another one is asked for.
 *
 * @param context what comes before; may be empty
 * @param continuation what is scored, its leading space included; not empty
 */
record Request(String context, String continuation) {

  Request {
    Objects.requireNonNull(context, "context");
    if (continuation.isEmpty()) {
      throw new IllegalArgumentException("an empty continuation cannot be scored");
    }
  }
}
