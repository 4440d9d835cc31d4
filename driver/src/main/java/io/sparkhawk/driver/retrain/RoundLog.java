package io.sparkhawk.driver.retrain;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.progress.JsonFormat;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.fs.Path;

/**
 * The rounds of a model and how they ended: for each one file that is created when it begins, and
 * one when it ends, each by one atomic step. At most the newest round has not ended.
 */
final class RoundLog {

  private final Storage storage;
  private final Path folder;

  /** What was read before; the files never change. */
  private final List<Round> known = new ArrayList<>();

  private final Map<Long, Outcome> ended = new HashMap<>();

  RoundLog(Storage storage, Path folder) {
    this.storage = storage;
    this.folder = folder;
  }

  /** All rounds, the oldest first. */
  List<Round> rounds() {
    Optional<Round> next = round(known.size() + 1L);
    while (next.isPresent()) {
      known.add(next.get());
      next = round(known.size() + 1L);
    }
    return List.copyOf(known);
  }

  private Optional<Round> round(long number) {
    return read(file(number, "round"), Round.class);
  }

  /** How a round ended, if it has. */
  Optional<Outcome> outcome(Round round) {
    if (!ended.containsKey(round.number())) {
      read(file(round.number(), "outcome"), Outcome.class)
          .ifPresent(outcome -> ended.put(round.number(), outcome));
    }
    return Optional.ofNullable(ended.get(round.number()));
  }

  /** Begins this round or, if another process was first with its number, that one's. */
  Round begin(Round round) {
    write(file(round.number(), "round"), round);
    return round(round.number()).orElseThrow();
  }

  /** Ends a round; the first outcome counts. */
  Outcome end(Round round, Outcome outcome) {
    write(file(round.number(), "outcome"), outcome);
    return outcome(round).orElseThrow();
  }

  private Path file(long number, String what) {
    return new Path(folder, String.format(Locale.ROOT, "%010d-%s.json", number, what));
  }

  /** Leaves a file that is there already. */
  private void write(Path file, Object value) {
    boolean unused =
        storage.createIfAbsent(file, JsonFormat.pretty(value).getBytes(StandardCharsets.UTF_8));
  }

  private <T> Optional<T> read(Path file, Class<T> type) {
    return read(storage, file, type);
  }

  /** A record from its file, if there is one. */
  static <T> Optional<T> read(Storage storage, Path file, Class<T> type) {
    return storage
        .readIfPresent(file)
        .map(
            content -> {
              try {
                return JsonFormat.read(new String(content, StandardCharsets.UTF_8), type);
              } catch (JsonProcessingException e) {
                throw new DataException(file + " is damaged: " + e.getOriginalMessage() + ".", e);
              }
            });
  }
}
