package io.sparkhawk.executor.evaluate;

import java.util.List;

/**
 * One example of a task.
 *
 * @param place line and file, for messages: {@code Line 3 of tasks/a.jsonl}
 * @param requests what is scored: one for each answer, or a single one for a last word
 * @param gold which request is the right answer, from 0
 * @param choices texts whose lengths normalise the scores, one for each request
 */
record Example(String place, List<Request> requests, int gold, List<String> choices) {

  Example {
    requests = List.copyOf(requests);
    choices = List.copyOf(choices);
    if (gold < 0 || gold >= requests.size() || choices.size() != requests.size()) {
      throw new IllegalArgumentException(
          gold + " of " + choices.size() + " choices and " + requests.size() + " requests");
    }
  }
}
