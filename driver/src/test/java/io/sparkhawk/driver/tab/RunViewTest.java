package io.sparkhawk.driver.tab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.driver.tab.TabEvent.Happened;
import io.sparkhawk.driver.tab.TabEvent.RankFigures;
import io.sparkhawk.driver.tab.TabEvent.RanksHeard;
import io.sparkhawk.driver.tab.TabEvent.RunEnded;
import io.sparkhawk.driver.tab.TabEvent.RunStarted;
import io.sparkhawk.driver.tab.TabEvent.StageChanged;
import io.sparkhawk.driver.tab.TabEvent.StagePlan;
import io.sparkhawk.driver.tab.TabEvent.StageState;
import io.sparkhawk.driver.tab.TabEvent.StepFigures;
import io.sparkhawk.driver.tab.TabEvent.StepsMade;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RunViewTest {

  private static final int BLOCKS = 24;
  private static final int STEPS = 100_000;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RunView view = new RunView();
  private long now = 1_000_000;

  @BeforeEach
  void start() {
    view.add(
        new RunStarted(
            now,
            "long",
            List.of(
                new StagePlan("hidden", STEPS, STEPS * 1024L, Float.NaN),
                new StagePlan("distill", STEPS, STEPS * 1024L, 10))));
    view.add(new StageChanged(now, "hidden", StageState.TRAINING, 0));
  }

  @Test
  void aHundredThousandStepsAreSmallToAskForAndKeepTheirExtremes() throws Exception {
    Random random = new Random(7);
    double worst = 0;
    double sum = 0;
    for (int step = 1; step <= STEPS; step++) {
      float loss = (float) (1 + random.nextDouble());
      worst = Math.max(worst, loss);
      sum += loss;
      make(step, loss);
    }
    long begun = System.nanoTime();
    String whole = ViewJson.of(view, "", now, true);
    double millis = (System.nanoTime() - begun) / 1e6;
    String news = ViewJson.of(view, cursor(JSON.readTree(whole)), now, true);
    System.out.printf(
        "100,000 steps of %d blocks: %,d characters in %.0f ms, then %,d a look%n",
        BLOCKS, whole.length(), millis, news.length());

    JsonNode series = JSON.readTree(whole).at("/series/hidden");
    assertThat(series.path("first").size()).isBetween(200, StepSeries.CAPACITY);
    assertThat(series.path("last").get(series.path("last").size() - 1).asLong()).isEqualTo(STEPS);
    double shown = 0;
    double mean = 0;
    for (int i = 0; i < series.path("first").size(); i++) {
      shown = Math.max(shown, series.path("loss_max").get(i).asDouble());
      long steps = series.path("last").get(i).asLong() - series.path("first").get(i).asLong() + 1;
      mean += series.path("loss").get(i).asDouble() * steps / STEPS;
    }
    assertThat(shown).isCloseTo(worst, within(1e-3));
    assertThat(mean).isCloseTo(sum / STEPS, within(1e-4));
    assertThat(whole.length()).isLessThan(200_000);
    assertThat(news.length()).isLessThan(4_000);
    assertThat(millis).isLessThan(2_000);
  }

  @Test
  void whatIsNewSinceACursorCompletesWhatThePageHas() throws Exception {
    makeSteps(1, 130, 2);
    JsonNode before = JSON.readTree(ViewJson.of(view, "", now, true));
    makeSteps(131, 150, 2);
    JsonNode news =
        JSON.readTree(ViewJson.of(view, cursor(before), now, true)).at("/series/hidden");
    assertThat(news.path("more").asBoolean()).isTrue();
    assertThat(numbers(news.path("first")))
        .containsExactlyElementsOf(LongStream.rangeClosed(130, 150).boxed().toList());

    makeSteps(151, 2L * StepSeries.CAPACITY, 2);
    JsonNode wider =
        JSON.readTree(ViewJson.of(view, cursor(before), now, true)).at("/series/hidden");
    assertThat(wider.path("more").asBoolean()).isFalse();
    assertThat(numbers(wider.path("first"))).startsWith(1L, 3L).hasSize(StepSeries.CAPACITY);
  }

  @Test
  void stepsThatAreMadeAgainAfterARestartAreShownOnce() throws Exception {
    makeSteps(1, 57, 2);
    makeSteps(51, 60, 3);
    JsonNode series = JSON.readTree(ViewJson.of(view, "", now, true)).at("/series/hidden");
    assertThat(numbers(series.path("first")))
        .containsExactlyElementsOf(LongStream.rangeClosed(1, 60).boxed().toList());
    assertThat(series.path("loss").get(55).asDouble()).isEqualTo(2);
  }

  @Test
  void aCursorThatIsNoneGetsEverything() throws Exception {
    makeSteps(1, 5, 2);
    for (String cursor : List.of("x", "hidden~0", "hidden~99~1", "hidden~0~1~2,,~", "é")) {
      JsonNode json = JSON.readTree(ViewJson.of(view, cursor, now, true));
      assertThat(json.at("/series/hidden/first").size()).isEqualTo(5);
    }
  }

  @Test
  void aLossThatRisesFarAboveItsBestIsAnAlarmUntilItIsBack() {
    makeSteps(1, 60, 4);
    makeSteps(61, 100, 1);
    assertThat(alarms()).isEmpty();
    makeSteps(101, 120, 3);
    assertThat(alarms()).containsExactly("loss");
    assertThat(view.alarms().active().iterator().next().text())
        .contains(
            "stage hidden is 3.000 over the last 20 steps, above the 2.000 that is to be expected");
    makeSteps(121, 140, 1);
    assertThat(alarms()).isEmpty();
    assertThat(view.alarms().past()).hasSize(1);
  }

  @Test
  void aModelThatKnowsNothingIsAnAlarmInTheLastStage() {
    view.add(new StageChanged(now, "distill", StageState.TRAINING, 0));
    for (int step = 1; step <= 45; step++) {
      view.add(new StepsMade(now, "distill", List.of(figures(step, 10.5f, 0, 0))));
    }
    assertThat(alarms()).containsExactly("loss");
  }

  @Test
  void aStepThatIsNotFiniteIsAnAlarm() {
    makeSteps(1, 30, 2);
    view.add(new StepsMade(now, "hidden", List.of(figures(31, Float.NaN, 0, 1))));
    assertThat(alarms()).containsExactly("finite");
    view.add(new StepsMade(now, "hidden", List.of(figures(32, 2, 0, 1))));
    assertThat(alarms()).isEmpty();
    assertThat(view.alarms().past().iterator().next().text()).contains("Step 31 of stage hidden");
  }

  @Test
  void waitingForSamplesIsAnAlarm() {
    for (int step = 1; step <= 20; step++) {
      view.add(new StepsMade(now, "hidden", List.of(figures(step, 2, 0.02f, 0))));
    }
    assertThat(alarms()).containsExactly("data");
    assertThat(view.alarms().active().iterator().next().text()).contains("20% of its time");
  }

  @Test
  void aRankThatIsSilentOrStandsStillIsAnAlarmUntilItsGenerationEnds() {
    makeSteps(1, 10, 2);
    heard(0, 10);
    heard(1, 10);
    now += 11_000;
    heard(0, 11);
    view.checkTime(now);
    assertThat(alarms()).isEmpty();
    now += 2_000;
    view.checkTime(now);
    assertThat(alarms()).containsExactly("rank 1 stalled");
    assertThat(view.alarms().active().iterator().next().text())
        .startsWith("Rank 1 (executor 1 on host:1) has not been heard of for 13 s");

    heard(0, 11);
    heard(1, 11);
    now += 31_000;
    heard(0, 11);
    heard(1, 12);
    view.checkTime(now);
    assertThat(alarms()).containsExactly("rank 0 stalled");
    assertThat(view.alarms().active().iterator().next().text())
        .contains("has made no step for 33 s");

    tell("restart", -1);
    assertThat(alarms()).isEmpty();
    assertThat(view.restarts()).isEqualTo(1);
  }

  @Test
  void aStragglerIsAnAlarmUntilItHasRecovered() {
    heard(1, 10);
    tell("straggler", 1);
    assertThat(alarms()).containsExactly("rank 1 pace");
    assertThat(view.ranks().all().iterator().next().straggler()).isTrue();
    tell("recovered", 1);
    assertThat(alarms()).isEmpty();
  }

  @Test
  void aRunThatIsOverHasNoStalledRanks() {
    heard(0, 10);
    view.add(new RunEnded(now, "No disk."));
    view.checkTime(now + 1_000_000);
    assertThat(alarms()).isEmpty();
    assertThat(ViewJson.of(view, "", now, true)).contains("\"state\":\"failed\"", "No disk.");
  }

  private List<String> alarms() {
    return view.alarms().active().stream().map(Alarms.Alarm::key).toList();
  }

  private void makeSteps(long first, long last, float loss) {
    for (long step = first; step <= last; step++) {
      make(step, loss);
    }
  }

  private void make(long step, float loss) {
    now += 100;
    view.add(new StepsMade(now, "hidden", List.of(figures(step, loss, 0, 0))));
  }

  private static StepFigures figures(long step, float loss, float data, long skipped) {
    List<Float> blocks = Collections.nCopies(BLOCKS, loss);
    return new StepFigures(
        step, step * 1024, loss, blocks, 1, 1e-3f, 0.08f, 0, data, 0, 0.1f, skipped);
  }

  private void heard(int rank, long step) {
    view.add(
        new RanksHeard(
            now,
            "stage hidden",
            2,
            List.of(
                new RankFigures(
                    rank, "" + rank, "host:" + rank, now, step, 1, 512, 0.08f, 0, 0, 0, 0.1f))));
  }

  private void tell(String kind, int rank) {
    view.add(new Happened(now, kind, "stage hidden", 10, 2, rank, 0, "So it is."));
  }

  private static String cursor(JsonNode json) {
    JsonNode series = json.at("/series/hidden");
    JsonNode first = series.path("first");
    return "hidden~" + series.path("level").asInt() + "~" + first.get(first.size() - 1).asLong();
  }

  private static List<Long> numbers(JsonNode array) {
    return JSON.convertValue(
        array, JSON.getTypeFactory().constructCollectionType(List.class, Long.class));
  }
}
