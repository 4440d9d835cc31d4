package io.sparkhawk.driver.retrain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.launch.RunHold;
import io.sparkhawk.driver.registry.ModelRegistry;
import io.sparkhawk.driver.registry.ModelVersion;
import io.sparkhawk.driver.run.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The rules of retraining, with work that takes no time. */
class RetrainingTest {

  private static final RunHold UNCONTESTED =
      new RunHold() {
        @Override
        public void requireNotLost() {}

        @Override
        public void requireHeld() {}

        @Override
        public void close() {}
      };

  @TempDir private Path folder;

  private final FakeWork work = new FakeWork();
  private final Story listener = new Story();
  private final Configuration hadoop = new Configuration();
  private Supplier<RunHold> holding = () -> UNCONTESTED;
  private Instant now = Instant.parse("2026-11-10T03:00:00Z");
  private Path yaml;

  @BeforeEach
  void writeConfiguration() throws IOException {
    yaml =
        Files.writeString(
            folder.resolve("retrain.yaml"),
            """
            name: tiny
            storage: %1$s/models
            teacher: %1$s/teacher
            corpus: ["%1$s/corpus"]
            held-out: ["%1$s/held-out"]
            replay-share: 0.5
            training:
              stages:
                - {name: distill, tokens: 100, batch-tokens: 16, learning-rate: 1e-3}
            """
                .formatted(folder));
  }

  /** Where a process may die. */
  private enum Moment {
    ROUND_STARTED,
    DATA_READY,
    MEASURED,
    ROUND_ENDED
  }

  /** What retraining told; can do something once, at a moment. */
  private static final class Story implements RoundListener {

    private final List<String> told = new ArrayList<>();
    private Moment moment;
    private Runnable action = () -> {};

    private void once(Moment when, Runnable what) {
      moment = when;
      action = what;
    }

    private void pass(Moment passed) {
      if (passed == moment) {
        moment = null;
        action.run();
      }
    }

    @Override
    public void roundStarted(Round round, boolean before) {
      told.add((before ? "goes on " : "begins ") + round.number());
      pass(Moment.ROUND_STARTED);
    }

    @Override
    public void dataReady(RoundData data) {
      pass(Moment.DATA_READY);
    }

    @Override
    public void measured(Comparison comparison) {
      pass(Moment.MEASURED);
    }

    @Override
    public void roundEnded(RoundSummary summary, String page) {
      told.add(summary.verdict());
      pass(Moment.ROUND_ENDED);
    }

    @Override
    public void nothingNew(String reason, String page) {
      told.add(reason);
    }
  }

  private static final class Killed extends Error {
    private static final long serialVersionUID = 1;
  }

  private void arrive(String date, String... files) throws IOException {
    Path partition = Files.createDirectories(folder.resolve("corpus/dt=" + date));
    for (String file : files) {
      Files.writeString(partition.resolve(file + ".jsonl"), "{\"text\": \"" + date + file + "\"}");
    }
  }

  private Retraining retraining(RoundListener heard, String... settings) {
    return new Retraining(
        RetrainConfig.read(yaml.toString(), List.of(settings)),
        hadoop,
        work,
        heard,
        holding,
        () -> now);
  }

  private List<RoundSummary> retrain(String... settings) {
    return retraining(listener, settings).run();
  }

  private ModelRegistry registry() {
    return ModelRegistry.open(
        hadoop, new org.apache.hadoop.fs.Path(folder.resolve("models/tiny/registry").toString()));
  }

  private List<Long> versions() {
    return registry().versions().stream().map(ModelVersion::version).toList();
  }

  @Test
  void theFirstRoundStartsFromTheTeacherAndIsPromoted() throws IOException {
    arrive("2026-11-01", "a", "b");

    RoundSummary summary = retrain().get(0);

    assertThat(work.story)
        .containsExactly("prepare 2026-11-01/a, 2026-11-01/b", "train", "measure 2");
    assertThat(work.runs.get(0).warmStart()).isEmpty();
    assertThat(summary.outcome()).isEqualTo(new Outcome(1, false, List.of()));
    assertThat(summary.workerHours()).isCloseTo(6, within(1e-9)); // 7200 s of 3 workers
    ModelVersion version = registry().production().orElseThrow();
    assertThat(version.lineage().partitions()).containsExactly("2026-11-01");
    assertThat(version.lineage().teacherSha256()).isEqualTo("2".repeat(64));
    assertThat(version.lineage().configurationSha256())
        .isEqualTo(Checksum.of(version.lineage().configuration()));
    assertThat(version.scores().perplexity()).isEqualTo(20);
  }

  @Test
  void onlyWhatIsNewIsPreparedAndTrainingStartsFromProduction() throws IOException {
    arrive("2026-11-01", "a", "b");
    retrain();
    arrive("2026-11-02", "a");
    work.story.clear();

    RoundSummary summary = retrain().get(0);

    assertThat(work.story).containsExactly("prepare 2026-11-02/a", "train", "measure 3");
    assertThat(work.runs.get(1).warmStart()).contains(registry().require(1).model());
    assertThat(summary.outcome().version()).isEqualTo(2);
  }

  @Test
  void replayMakesItsShareOfTheTokensAndIsTheSameEachTime() throws IOException {
    arrive("2026-11-01", "a", "b", "c", "d");
    retrain();
    arrive("2026-11-02", "a", "b");

    RoundData data = retrain().get(0).data();

    assertThat(data.newTokens()).isEqualTo(2 * FakeWork.SHARD_TOKENS);
    assertThat(data.replayTokens()).isEqualTo(2 * FakeWork.SHARD_TOKENS);
    assertThat(data.replayShare()).isEqualTo(0.5);
    DataManifest manifest = FakeWork.manifest(data.folder());
    assertThat(manifest.train().shards()).hasSize(4);
    for (ShardEntry shard : manifest.train().shards()) {
      Path file = Path.of(java.net.URI.create(data.folder()).getPath(), shard.file());
      assertThat(Checksum.of(file)).isEqualTo(shard.sha256());
    }
    Round round = log().rounds().get(1);
    RoundData again = folders().mix(round, List.of(log().rounds().get(0)), 0.5);
    assertThat(again).isEqualTo(data);
  }

  private RoundLog log() {
    return new RoundLog(storage(), new org.apache.hadoop.fs.Path(model(), "rounds"));
  }

  private DataFolders folders() {
    return new DataFolders(storage(), storage().fileSystem().makeQualified(model()));
  }

  private Storage storage() {
    return Storage.of(hadoop, model());
  }

  private org.apache.hadoop.fs.Path model() {
    return new org.apache.hadoop.fs.Path(folder.resolve("models/tiny").toString());
  }

  @Test
  void aGateThatFailsKeepsTheOldVersion() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    arrive("2026-11-02", "a");
    work.nextPerplexity = 20.3;

    RoundSummary summary = retrain("gates.perplexity-percent=1").get(0);

    assertThat(summary.outcome().promoted()).isFalse();
    assertThat(summary.outcome().reasons())
        .containsExactly("perplexity, against production: 20.3000, must be at most 20.2000");
    assertThat(versions()).containsExactly(1L);
    assertThat(folder.resolve("models/tiny/" + summary.round().id() + "/summary.html"))
        .content()
        .contains("Not promoted: perplexity, against production: 20.3000");
  }

  @Test
  void eachTaskAndTheTokensAndTheTeacherAreGates() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    arrive("2026-11-02", "a");
    work.accuracy = Double.NaN;

    List<String> reasons =
        retrain("gates.min-tokens=1K", "gates.teacher-percent=50").get(0).outcome().reasons();

    assertThat(reasons)
        .satisfiesExactly(
            first -> assertThat(first).startsWith("accuracy on lambada, against production"),
            second ->
                assertThat(second)
                    .isEqualTo("perplexity, against the teacher: 20, must be at most 15"),
            third -> assertThat(third).isEqualTo("tokens trained on: 100, must be at least 1,000"));
  }

  @Test
  void aStudentWhosePerplexityIsNotFiniteIsNeverPromoted() throws IOException {
    arrive("2026-11-01", "a");
    work.nextPerplexity = Double.POSITIVE_INFINITY;

    assertThat(retrain().get(0).outcome().promoted()).isFalse();
    assertThat(versions()).isEmpty();
  }

  @Test
  void theDataOfARefusedRoundIsTrainedOnAgainInTheNextOne() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    arrive("2026-11-02", "a");
    retrain("gates.min-tokens=1K");
    arrive("2026-11-03", "a");
    work.story.clear();

    RoundSummary summary = retrain().get(0);

    assertThat(work.story.get(0)).isEqualTo("prepare 2026-11-03/a");
    assertThat(summary.data().carriedTokens()).isEqualTo(FakeWork.SHARD_TOKENS);
    assertThat(registry().production().orElseThrow().lineage().rounds()).containsExactly(2L, 3L);
    arrive("2026-11-04", "a");
    assertThat(retrain().get(0).data().carriedTokens()).isZero();
  }

  @Test
  void theDataOfARefusedRoundCanBeLeftOutForGood() throws IOException {
    arrive("2026-11-01", "a");
    retrain("gates.min-tokens=1K");
    arrive("2026-11-02", "a");

    RoundData data = retrain("keep-rejected=false").get(0).data();

    assertThat(data.carriedTokens()).isZero();
    assertThat(data.replayTokens()).isZero();
  }

  @ParameterizedTest
  @EnumSource(Moment.class)
  void aRoundThatIsKilledAndStartedAgainIsPromotedOnceAndRepeatsNoWork(Moment moment)
      throws IOException {
    arrive("2026-11-01", "a");
    listener.once(
        moment,
        () -> {
          throw new Killed();
        });
    assertThatThrownBy(this::retrain).isInstanceOf(Killed.class);

    arrive("2026-11-02", "a"); // is of the next round, not of the one that was begun
    retrain();
    retrain();

    assertThat(versions()).containsExactly(1L, 2L);
    assertThat(work.story)
        .containsExactly(
            "prepare 2026-11-01/a",
            "train",
            "measure 2",
            "prepare 2026-11-02/a",
            "train",
            "measure 3");
  }

  @Test
  void aKillBetweenPromotionAndTheEndOfTheRoundPromotesOnce() throws IOException {
    arrive("2026-11-01", "a");
    RunHold dyingAfterPromotion =
        new RunHold() {
          @Override
          public void requireNotLost() {}

          @Override
          public void requireHeld() {
            if (!versions().isEmpty()) {
              throw new Killed();
            }
          }

          @Override
          public void close() {}
        };
    holding = () -> dyingAfterPromotion;
    assertThatThrownBy(this::retrain).isInstanceOf(Killed.class);
    assertThat(versions()).containsExactly(1L);

    holding = () -> UNCONTESTED;
    RoundSummary summary = retrain().get(0);

    assertThat(versions()).containsExactly(1L);
    assertThat(summary.outcome().version()).isEqualTo(1);
    assertThat(summary.comparison().production()).isEmpty();
  }

  @Test
  void twoTriggersAtOnceEndInOneVersionEvenIfBothHoldTheFolder() throws IOException {
    arrive("2026-11-01", "a");
    Story other = new Story();
    listener.once(
        Moment.MEASURED,
        () -> assertThat(retraining(other).run().get(0).outcome().version()).isEqualTo(1));

    RoundSummary summary = retrain().get(0);

    assertThat(summary.outcome().version()).isEqualTo(1);
    assertThat(versions()).containsExactly(1L);
  }

  @Test
  void aSecondTriggerIsRefusedWhileTheFirstWorksAndFindsNothingNewAfterwards() throws IOException {
    arrive("2026-11-01", "a");
    holding = () -> RunFolder.hold(storage(), model());
    listener.once(
        Moment.DATA_READY,
        () ->
            assertThatThrownBy(() -> retraining(new Story()).run())
                .isInstanceOf(InfrastructureException.class)
                .hasMessageContaining("is held by"));

    retrain();
    Story second = new Story();

    assertThat(retraining(second).run()).isEmpty();
    assertThat(second.told)
        .singleElement()
        .asString()
        .startsWith("Nothing is new since round 2026-11-01-")
        .contains("promoted as version 1");
    assertThat(versions()).containsExactly(1L);
  }

  @Test
  void missedWindowsAreCaughtUpInOneRound() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    arrive("2026-11-02", "a");
    arrive("2026-11-03", "a");
    arrive("2026-11-05", "a");

    RoundSummary summary = retrain().get(0);

    assertThat(summary.partitions()).containsExactly("2026-11-02", "2026-11-03", "2026-11-05");
    arrive("2026-11-04", "a"); // late, and still seen
    assertThat(retrain().get(0).partitions()).containsExactly("2026-11-04");
  }

  @Test
  void aPartitionIsTakenWhenItsDayIsOver() throws IOException {
    arrive("2026-11-09", "a");
    arrive("2026-11-10", "a");

    assertThat(retrain().get(0).partitions()).containsExactly("2026-11-09");
    assertThat(retrain()).isEmpty();
    now = Instant.parse("2026-11-11T00:00:00Z");
    assertThat(retrain().get(0).partitions()).containsExactly("2026-11-10");
  }

  @Test
  void byFilesEachNewFileIsNewWhereverItLies() throws IOException {
    arrive("2026-11-01", "a");
    retrain("new-by=file");
    arrive("2026-11-01", "b");

    List<String> names = retrain("new-by=file").get(0).partitions();

    assertThat(names).singleElement().asString().endsWith("corpus/dt=2026-11-01/b.jsonl");
  }

  @Test
  void aFileWithoutADateIsNamed() throws IOException {
    Files.writeString(
        Files.createDirectories(folder.resolve("corpus/day")).resolve("a.jsonl"), "{}");

    assertThatThrownBy(this::retrain)
        .isInstanceOf(DataException.class)
        .hasMessageContaining("corpus/day/a.jsonl has no folder such as dt=2026-11-01");
  }

  @Test
  void nothingIsComparedOnOtherHeldOutRowsThanThoseOfProduction() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    arrive("2026-11-02", "a");

    assertThatThrownBy(() -> retrain("held-out=[elsewhere]"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("not those of version 1");
    assertThat(work.story).filteredOn("train"::equals).hasSize(1);
  }

  @Test
  void rollbackBringsTheModelBackAndTheNextRoundStartsFromIt() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    arrive("2026-11-02", "a");
    retrain();

    ModelVersion back = registry().rollBack(OptionalLong.empty(), now.toString());

    assertThat(back.version()).isEqualTo(3);
    assertThat(back.model()).isEqualTo(registry().require(1).model());
    assertThat(retrain()).as("data does not become new again").isEmpty();
    arrive("2026-11-03", "a");
    RoundSummary next = retrain().get(0);
    assertThat(next.round().warmStart()).isEqualTo(registry().require(1).model());
    assertThat(next.comparison().productionVersion()).isEqualTo(3);
    assertThat(versions()).containsExactly(1L, 2L, 3L, 4L);
  }

  @Test
  void aRollbackBetweenMeasuringAndPromotionMakesTheRoundCompareAgain() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    arrive("2026-11-02", "a");
    retrain();
    arrive("2026-11-03", "a");
    listener.once(
        Moment.MEASURED,
        () -> assertThat(registry().rollBack(OptionalLong.of(1), now.toString())).isNotNull());

    assertThatThrownBy(this::retrain)
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("another version went into production");
    RoundSummary again = retrain().get(0);

    assertThat(again.comparison().productionVersion()).isEqualTo(3);
    assertThat(again.outcome().version()).isEqualTo(4);
  }

  @Test
  void aRoundCanBeGivenUpAndItsDataIsNeverTrainedOn() throws IOException {
    arrive("2026-11-01", "a");
    listener.once(
        Moment.DATA_READY,
        () -> {
          throw new Killed();
        });
    assertThatThrownBy(this::retrain).isInstanceOf(Killed.class);

    assertThat(retraining(listener).abandon()).startsWith("2026-11-01-");

    assertThat(retrain()).isEmpty();
    arrive("2026-11-02", "a");
    RoundData data = retrain().get(0).data();
    assertThat(data.trainTokens()).isEqualTo(FakeWork.SHARD_TOKENS);
    assertThatThrownBy(() -> retraining(listener).abandon())
        .isInstanceOf(ConfigurationException.class);
  }

  @Test
  void stagesGetFewerTokensWhereTheDataWouldBePassedOverTooOften() throws IOException {
    arrive("2026-11-01", "a");

    retrain("max-epochs=0.5");

    assertThat(work.runs.get(0).tokens()).isEqualTo(FakeWork.SHARD_TOKENS / 2);
  }

  @Test
  void stagesOfTheirOwnStartFromTheTeacherAndAFolderCanBeNamed() throws IOException {
    arrive("2026-11-01", "a");
    String first = "first-stages=[{name: matrix, tokens: 10, learning-rate: 1e-3}]";
    retrain(first, "training.workers=1");
    arrive("2026-11-02", "a");
    retrain(first, "training.workers=1", "warm-start=/models/base");

    assertThat(work.runs.get(0).stages())
        .extracting(s -> s.name().label())
        .containsExactly("matrix");
    assertThat(work.runs.get(1).stages())
        .extracting(s -> s.name().label())
        .containsExactly("distill");
    assertThat(work.runs.get(1).warmStart()).contains("/models/base");
  }

  @Test
  void aStageIsThatOfTheNewestRunThatProductionCameFromAndHasTrainedIt() throws IOException {
    String first =
        "first-stages=[{name: hidden, tokens: 10, learning-rate: 1e-3},"
            + " {name: distill, tokens: 10, learning-rate: 1e-3}]";
    arrive("2026-11-01", "a");
    String firstRound = retrain(first, "warm-start=hidden").get(0).round().id();
    assertThat(work.runs.get(0).warmStart()).as("of the teacher").isEmpty();

    for (String date : List.of("2026-11-02", "2026-11-03")) {
      arrive(date, "a");
      Round round = retrain(first, "warm-start=hidden").get(0).round();
      assertThat(round.warmStart())
          .startsWith("hidden@file:")
          .endsWith("/models/tiny/" + firstRound + "/run");
      assertThat(work.runs.get(work.runs.size() - 1).warmStart().orElseThrow())
          .endsWith("/models/tiny/" + round.id() + "/start");
    }
    assertThat(work.story).contains("export hidden of run");
    assertThat(registry().require(3).lineage().warmStart()).contains(firstRound);
    arrive("2026-11-04", "a");
    assertThatThrownBy(() -> retrain(first, "warm-start=matrix"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("warm-start is matrix")
        .hasMessageContaining("none of the runs");
  }

  @Test
  void aStagesEndIsMadeAStudentOnceHoweverOftenTheRoundIsStarted() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    RunConfig run = work.runs.get(0);
    arrive("2026-11-02", "a");
    work.failure = new InfrastructureException("a worker was lost");
    String start = "warm-start=distill@" + run.runFolder();
    assertThatThrownBy(() -> retrain(start)).isSameAs(work.failure);
    work.failure = null;

    retrain(start);

    assertThat(work.story).containsOnlyOnce("export distill of run");
    assertThat(work.runs.get(1).warmStart().orElseThrow()).endsWith("/start");
  }

  @Test
  void aRunThatHasNoSuchStageOrIsNoneIsNamed() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    String run = work.runs.get(0).runFolder();
    arrive("2026-11-02", "a");
    assertThatThrownBy(() -> retrain("warm-start=hidden@" + run))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("warm-start is hidden@" + run)
        .hasMessageContaining("the stages of this run are [distill]");
    assertThatThrownBy(() -> retrain("warm-start=hidden@" + folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(folder + " is not the folder of a run");
    assertThat(retrain()).as("no round had begun").hasSize(1);
  }

  @Test
  void eachStartSaysWhatItDidAlsoWhereNothingIsNew() throws IOException {
    arrive("2026-11-01", "a", "b");
    String round = retrain().get(0).round().id();
    assertThat(text("last-start.json"))
        .contains("\"statement\" : \"Promoted as version 1.\"", round, "\"partitions\" : 1");
    String summary = text(round + "/summary.json");
    now = now.plusSeconds(3600);

    assertThat(retrain()).isEmpty();

    assertThat(text("last-start.json"))
        .contains("Nothing is new since round " + round, "\"rounds\" : [ ]")
        .contains("\"production_version\" : 1", now.toString());
    assertThat(text("last-start.html")).contains("Nothing is new since round " + round);
    assertThat(text(round + "/summary.json")).isEqualTo(summary);
  }

  private String text(String file) throws IOException {
    return Files.readString(folder.resolve("models/tiny/" + file));
  }

  @Test
  void nothingIsReplayedOfRoundsThatWerePreparedWithOtherSettings() throws IOException {
    arrive("2026-11-01", "a");
    retrain();
    work.settings = "3".repeat(64);
    arrive("2026-11-02", "a");

    RoundData data = retrain().get(0).data();

    assertThat(data.replayTokens()).isZero();
    assertThat(data.unfit()).isEqualTo(1);
  }

  @Test
  void settingsThatRetrainingGivesItselfAreRefusedWithTheirPlace() throws IOException {
    Files.writeString(yaml, Files.readString(yaml) + "  data: elsewhere\nprepare: {output: x}\n");

    assertThatThrownBy(this::retrain)
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("training.data (")
        .hasMessageContaining("prepare.output (")
        .hasMessageContaining("is given by the retraining itself");
  }
}
