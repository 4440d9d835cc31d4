package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.launch.RunHold;
import io.sparkhawk.driver.progress.JsonFormat;
import io.sparkhawk.driver.progress.RunFiles;
import io.sparkhawk.driver.registry.ModelRegistry;
import io.sparkhawk.driver.registry.ModelVersion;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Retraining, each time that it is started: finishes the round that was begun, then makes one of
 * all that is new since.
 *
 * <p>What is done is kept in files that are created once: a round begins with one, and ends with
 * another. So however often this is started and wherever it was interrupted, a round's data comes
 * to one version at most.
 */
public final class Retraining {

  /** Folder of the registry in that of the model. */
  public static final String REGISTRY = "registry";

  private static final String ROUNDS = "rounds";

  private final RetrainConfig config;
  private final Configuration hadoop;
  private final RoundWork work;
  private final RoundListener listener;
  private final Supplier<RunHold> holding;
  private final InstantSource clock;
  private final Path folder;
  private final Storage storage;
  private final RoundLog log;
  private final ModelRegistry registry;
  private final WarmStarts warmStarts;

  /**
   * @param work prepares, trains and measures
   * @param listener hears how it goes
   * @param holding takes the model's folder for this process
   * @param clock tells the day, and how long it takes
   */
  public Retraining(
      RetrainConfig config,
      Configuration hadoop,
      RoundWork work,
      RoundListener listener,
      Supplier<RunHold> holding,
      InstantSource clock) {
    this.config = config;
    this.hadoop = hadoop;
    this.work = work;
    this.listener = listener;
    this.holding = holding;
    this.clock = clock;
    Path given = new Path(config.folder());
    this.storage = Storage.of(hadoop, given);
    this.folder = storage.fileSystem().makeQualified(given);
    this.log = new RoundLog(storage, new Path(folder, ROUNDS));
    this.registry = ModelRegistry.open(hadoop, new Path(folder, REGISTRY));
    this.warmStarts = new WarmStarts(hadoop, registry);
  }

  /**
   * Runs until nothing is new, and writes a summary of this start.
   *
   * @return the rounds that ended, none if nothing was new
   * @throws io.sparkhawk.data.error.SparkhawkException if something fails; what was done stays
   */
  public List<RoundSummary> run() {
    Instant start = clock.instant();
    List<RoundSummary> ended = new ArrayList<>();
    try (RunHold hold = holding.get()) {
      for (Optional<Round> open = openRound(); open.isPresent(); open = openRound()) {
        ended.add(finish(open.get(), hold, true));
      }
      Optional<Round> next = nextRound();
      if (next.isPresent()) {
        hold.requireHeld();
        ended.add(finish(log.begin(next.get()), hold, false));
      }
      hold.requireHeld();
      String page = summarise(ended, start);
      if (ended.isEmpty()) {
        listener.nothingNew(nothingNew(), page);
      }
      return ended;
    }
  }

  /**
   * Gives up the round that was begun and has not ended; its data counts as seen and is never
   * trained on.
   *
   * @return its identity
   * @throws ConfigurationException if there is none, or its student is in the registry already
   */
  public String abandon() {
    try (RunHold hold = holding.get()) {
      Round open =
          openRound()
              .orElseThrow(
                  () ->
                      new ConfigurationException(
                          "There is no round to give up in " + folder + ": all have ended."));
      if (registry.promotionOf(open.number()).isPresent()) {
        throw new ConfigurationException(
            "The round %s cannot be given up: its student is in the registry. Start retrain once more to end it, and use 'sparkhawk registry rollback'."
                .formatted(open.id()));
      }
      hold.requireHeld();
      Outcome unused = log.end(open, Outcome.ABANDONED);
      return open.id();
    }
  }

  private RoundSummary finish(Round round, RunHold hold, boolean before) {
    listener.roundStarted(round, before);
    return new RoundRun(
            config, hadoop, storage, folder, log, registry, work, listener, hold, clock, round)
        .finish();
  }

  private Optional<Round> openRound() {
    return log.rounds().stream().filter(round -> log.outcome(round).isEmpty()).findFirst();
  }

  /** A round of all partitions that no round has taken. */
  private Optional<Round> nextRound() {
    List<Round> rounds = log.rounds();
    Set<String> seen = new HashSet<>();
    rounds.forEach(round -> seen.addAll(round.names()));
    LocalDate today = LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
    List<Partition> fresh =
        Partitions.find(hadoop, config, today).stream()
            .filter(partition -> !seen.contains(partition.name()))
            .sorted(Comparator.comparing(Partition::name))
            .toList();
    return fresh.isEmpty()
        ? Optional.empty()
        : Optional.of(
            Round.of(
                rounds.size() + 1L, fresh, carried(rounds), warmStarts.of(config.warmStart())));
  }

  /** Rounds whose students were refused, and whose data no version has learned since. */
  private List<Long> carried(List<Round> rounds) {
    if (!config.keepRejected()) {
      return List.of();
    }
    Set<Long> learned = new HashSet<>();
    registry.versions().forEach(version -> learned.addAll(version.lineage().rounds()));
    return rounds.stream()
        .filter(round -> log.outcome(round).map(o -> !o.abandoned()).orElse(false))
        .map(Round::number)
        .filter(number -> !learned.contains(number))
        .toList();
  }

  /** Writes the summary of a start; returns the path of its page. */
  private String summarise(List<RoundSummary> ended, Instant start) {
    Optional<ModelVersion> production = registry.production();
    Instant now = clock.instant();
    StartSummary summary =
        new StartSummary(
            config.name(),
            ended.isEmpty()
                ? nothingNew()
                : String.join(" ", ended.stream().map(RoundSummary::verdict).toList()),
            ended.stream().map(StartSummary.Ended::of).toList(),
            log.rounds().stream().mapToInt(round -> round.partitions().size()).sum(),
            production.map(ModelVersion::version).orElse(0L),
            production.map(ModelVersion::model).orElse(""),
            Duration.between(start, now).toMillis() / 1e3,
            now.toString());
    Path page = new Path(folder, StartSummary.PAGE_NAME);
    write(new Path(folder, StartSummary.FILE_NAME), JsonFormat.pretty(summary));
    write(page, summary.html());
    return page.toString();
  }

  private void write(Path file, String text) {
    RunFiles.write(storage.fileSystem(), file, text.getBytes(StandardCharsets.UTF_8));
  }

  private String nothingNew() {
    List<Round> rounds = log.rounds();
    if (rounds.isEmpty()) {
      return "No partition of the corpus is complete yet; nothing to do.";
    }
    Round last = rounds.get(rounds.size() - 1);
    Outcome outcome = log.outcome(last).orElseThrow();
    return "Nothing is new since round %s, which %s; nothing to do."
        .formatted(
            last.id(),
            outcome.promoted()
                ? "was promoted as version " + outcome.version()
                : "was not promoted: " + String.join("; ", outcome.reasons()));
  }
}
