package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.ConfigWriter;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.launch.RunHold;
import io.sparkhawk.driver.progress.JsonFormat;
import io.sparkhawk.driver.progress.RunFiles;
import io.sparkhawk.driver.registry.Lineage;
import io.sparkhawk.driver.registry.ModelRegistry;
import io.sparkhawk.driver.registry.ModelScores;
import io.sparkhawk.driver.registry.ModelVersion;
import io.sparkhawk.executor.train.StageSettings;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * One round, from wherever it was left: prepare, mix, train, measure, decide, promote, end. The
 * result of each step is a file of its own, and a step whose file is there is not made again.
 */
final class RoundRun {

  private static final String RUN = "run";

  private final RetrainConfig config;
  private final Configuration hadoop;
  private final Storage storage;
  private final RoundLog log;
  private final ModelRegistry registry;
  private final RoundWork work;
  private final RoundListener listener;
  private final RunHold hold;
  private final InstantSource clock;
  private final Round round;
  private final DataFolders data;
  private final Path here;
  private final Instant began;

  RoundRun(
      RetrainConfig config,
      Configuration hadoop,
      Storage storage,
      Path folder,
      RoundLog log,
      ModelRegistry registry,
      RoundWork work,
      RoundListener listener,
      RunHold hold,
      InstantSource clock,
      Round round) {
    this.config = config;
    this.hadoop = hadoop;
    this.storage = storage;
    this.log = log;
    this.registry = registry;
    this.work = work;
    this.listener = listener;
    this.hold = hold;
    this.clock = clock;
    this.round = round;
    this.data = new DataFolders(storage, folder);
    this.here = new Path(folder, round.id());
    this.began = clock.instant();
  }

  /** A finished training with the settings that it was made with. */
  record Training(Trained trained, List<String> stages, String configuration) {}

  /** A student that was made of a stage's end, for training to start from. */
  record Start(String student, String stage, String run) {}

  RoundSummary finish() {
    prepare();
    RoundData mixed = kept("data.json", RoundData.class, this::mix);
    requireSameHeldOut(mixed);
    listener.dataReady(mixed);
    Training training = kept("trained.json", Training.class, () -> train(mixed));
    Optional<ModelVersion> promoted = registry.promotionOf(round.number());
    Optional<ModelVersion> production =
        promoted.isPresent() ? before(promoted.get()) : registry.production();
    Comparison comparison = compare(mixed, training, production);
    listener.measured(comparison);
    List<Gate> gates = Gate.of(config.gates(), comparison, training.trained().tokens());
    Outcome outcome = decide(promoted, comparison, gates, mixed, training);
    RoundSummary summary = summary(mixed, training, comparison, gates, outcome);
    hold.requireHeld();
    Path page = write(summary);
    Outcome unused = log.end(round, outcome);
    listener.roundEnded(summary, page.toString());
    return summary;
  }

  /** The version that was in production when the round's own one was made. */
  private Optional<ModelVersion> before(ModelVersion own) {
    return registry.versions().stream()
        .filter(version -> version.version() == own.version() - 1)
        .findFirst();
  }

  private void prepare() {
    if (!data.isPrepared(round)) {
      hold.requireHeld();
      PrepareSettings rows = config.prepare();
      work.prepare(
          new PrepareSettings(
              round.files(),
              config.heldOut(),
              data.fresh(round).toString(),
              config.teacher(),
              rows.tokenizer(),
              rows.seqLen(),
              rows.textColumn(),
              rows.sourceColumn(),
              rows.endOfText(),
              rows.heldOutShare(),
              rows.maxDocumentCharacters(),
              rows.shardBytes()));
    }
  }

  private RoundData mix() {
    hold.requireHeld();
    List<Long> learned =
        registry.versions().stream().flatMap(v -> v.lineage().rounds().stream()).toList();
    List<Round> earlier =
        log.rounds().stream()
            .filter(other -> other.number() < round.number())
            .filter(
                other ->
                    learned.contains(other.number()) || round.carried().contains(other.number()))
            .toList();
    return data.mix(round, earlier, config.replayShare());
  }

  private void requireSameHeldOut(RoundData mixed) {
    registry
        .production()
        .filter(version -> !version.lineage().heldOutSha256().equals(mixed.heldOutSha256()))
        .ifPresent(
            version -> {
              throw new ConfigurationException(
                  "The held-out rows are not those of version %d, which is in production: held-out names other documents, or prepare has other settings. Restore them, delete %s and start again; or begin anew under another name."
                      .formatted(version.version(), here));
            });
  }

  private Training train(RoundData mixed) {
    String start = start();
    hold.requireHeld();
    RunConfig run = runConfig(mixed, start);
    Trained trained = work.distill(run);
    return new Training(
        trained,
        run.stages().stream().map(stage -> stage.name().label()).toList(),
        ConfigWriter.write(run.withoutSecrets()));
  }

  /** The folder of the student that training starts from; that of a stage's end is made here. */
  private String start() {
    return StageEnd.parse(round.warmStart())
        .map(end -> kept("start.json", Start.class, () -> export(end)).student())
        .orElse(round.warmStart());
  }

  private Start export(StageEnd end) {
    RunConfig run = end.configuration(hadoop);
    hold.requireHeld();
    String student = new Path(here, "start").toString();
    work.exportStage(run.withSpark(config.training().spark()), end.stage(), student);
    return new Start(student, end.stage().label(), end.run());
  }

  private RunConfig runConfig(RoundData mixed, String start) {
    return config
        .training()
        .forRound(
            RUN,
            here.toString(),
            config.teacher(),
            mixed.folder(),
            start,
            budget(config.stages(round.warmStart().isEmpty()), mixed.trainTokens()));
  }

  /** The stages with so many tokens that the data is not passed over too often. */
  private List<StageSettings> budget(List<StageSettings> stages, long dataTokens) {
    long wanted = stages.stream().mapToLong(StageSettings::tokens).sum();
    double factor = Math.min(1, config.maxEpochs() * dataTokens / wanted);
    return stages.stream()
        .map(
            stage ->
                stage.withTokens(
                    factor == 1 ? stage.tokens() : Math.max(1, (long) (factor * stage.tokens()))))
        .toList();
  }

  /** Measured once for each version that the candidate is compared with. */
  private Comparison compare(
      RoundData mixed, Training training, Optional<ModelVersion> production) {
    long version = production.map(ModelVersion::version).orElse(0L);
    return kept(
        String.format(Locale.ROOT, "measured-against-version-%d.json", version),
        Comparison.class,
        () -> {
          hold.requireHeld();
          Instant start = clock.instant();
          List<String> models =
              Stream.concat(
                      Stream.of(training.trained().student(), config.teacher()),
                      production.map(ModelVersion::model).stream())
                  .toList();
          List<ModelScores> scores = work.measure(evaluation(mixed), models);
          return new Comparison(
              version,
              scores.get(0),
              scores.get(1),
              scores.subList(2, scores.size()),
              secondsSince(start));
        });
  }

  private EvaluateSettings evaluation(RoundData mixed) {
    RunConfig training = config.training();
    return new EvaluateSettings(
        config.teacher(),
        Optional.empty(),
        Optional.of(mixed.folder()),
        config.tasks(),
        Optional.empty(),
        training.evaluation().finalTokens(),
        config.taskMaxLength(),
        config.prepare().endOfText(),
        training.workers(),
        training.threadsPerWorker(),
        training.device(),
        training.elementType());
  }

  private Outcome decide(
      Optional<ModelVersion> promoted,
      Comparison comparison,
      List<Gate> gates,
      RoundData mixed,
      Training training) {
    if (promoted.isPresent()) {
      return new Outcome(promoted.get().version(), false, List.of());
    }
    List<String> failed = gates.stream().filter(gate -> !gate.holds()).map(Gate::sentence).toList();
    return failed.isEmpty()
        ? new Outcome(promote(comparison, mixed, training), false, List.of())
        : new Outcome(0, false, failed);
  }

  /** Makes the next version, unless another process has just made one of this very round. */
  private long promote(Comparison comparison, RoundData mixed, Training training) {
    hold.requireHeld();
    long number = comparison.productionVersion() + 1;
    ModelVersion version =
        new ModelVersion(
            number,
            ModelVersion.Kind.PROMOTION,
            number,
            training.trained().student(),
            clock.instant().toString(),
            comparison.candidate(),
            lineage(mixed, training));
    if (registry.add(version)) {
      return number;
    }
    return registry
        .promotionOf(round.number())
        .map(ModelVersion::version)
        .orElseThrow(
            () ->
                new InfrastructureException(
                    "While round %s was compared with version %d, another version went into production. Run the same command again: it compares with that one."
                        .formatted(round.id(), comparison.productionVersion())));
  }

  private Lineage lineage(RoundData mixed, Training training) {
    List<Long> rounds = new ArrayList<>(round.carried());
    rounds.add(round.number());
    List<Lineage.DataSet> sets =
        Stream.of(data.fresh(round), new Path(mixed.folder())).map(this::dataSet).toList();
    return new Lineage(
        round.number(),
        round.id(),
        round.names(),
        rounds,
        sets,
        mixed.heldOutSha256(),
        config.teacher(),
        training.trained().teacherSha256(),
        round.warmStart(),
        training.configuration(),
        Checksum.of(training.configuration()),
        Optional.ofNullable(RoundRun.class.getPackage().getImplementationVersion())
            .orElse("(classes without a jar)"));
  }

  private Lineage.DataSet dataSet(Path set) {
    byte[] manifest = storage.read(new Path(set, DataManifest.FILE_NAME), "The data set manifest");
    return new Lineage.DataSet(set.toString(), Checksum.of(manifest));
  }

  private RoundSummary summary(
      RoundData mixed,
      Training training,
      Comparison comparison,
      List<Gate> gates,
      Outcome outcome) {
    Trained trained = training.trained();
    return new RoundSummary(
        config.name(),
        round,
        round.names(),
        round.bytes(),
        data.part(round).manifest().train().documents(),
        mixed,
        training.stages(),
        trained,
        comparison,
        gates,
        outcome,
        trained.seconds() * trained.workers() / Duration.ofHours(1).toSeconds(),
        secondsSince(began),
        clock.instant().toString());
  }

  private Path write(RoundSummary summary) {
    Path json = new Path(here, RoundSummary.FILE_NAME);
    Path page = new Path(here, RoundPage.FILE_NAME);
    write(json, JsonFormat.pretty(summary));
    write(page, RoundPage.html(summary));
    return page;
  }

  private void write(Path file, String text) {
    RunFiles.write(storage.fileSystem(), file, text.getBytes(StandardCharsets.UTF_8));
  }

  /** The result of a step: from its file, or else made and kept there. */
  private <T> T kept(String name, Class<T> type, Supplier<T> step) {
    Path file = new Path(here, name);
    Optional<T> before = RoundLog.read(storage, file, type);
    if (before.isPresent()) {
      return before.get();
    }
    byte[] content = JsonFormat.pretty(step.get()).getBytes(StandardCharsets.UTF_8);
    hold.requireHeld();
    boolean unused = storage.createIfAbsent(file, content);
    return RoundLog.read(storage, file, type).orElseThrow();
  }

  private double secondsSince(Instant start) {
    return Duration.between(start, clock.instant()).toMillis() / 1e3;
  }
}
