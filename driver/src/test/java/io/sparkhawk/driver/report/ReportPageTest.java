package io.sparkhawk.driver.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.driver.progress.SampleRun;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.Evaluation;
import io.sparkhawk.executor.train.StageResult;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.junit.jupiter.api.Test;

class ReportPageTest {

  private static final Pattern DATA =
      Pattern.compile(
          "<script type=\"application/json\" id=\"run\">(.*?)</script>", Pattern.DOTALL);

  /** The page stays in the build folder, to be looked at. */
  @Test
  void thePageIsWrittenToTheRunFolder() throws IOException {
    Path file = Path.of("target", ReportPage.FILE_NAME).toAbsolutePath();
    ReportPage.write(
        FileSystem.getLocal(new Configuration()),
        new org.apache.hadoop.fs.Path(file.toUri()),
        SampleReport.of());

    assertThat(file).hasContent(ReportPage.html(SampleReport.of()));
  }

  @Test
  void thePageNeedsNothingElse() {
    String page = ReportPage.html(SampleReport.of());

    assertThat(page)
        .doesNotContain("{{")
        .doesNotContainPattern("(src|href)=\"(?!data:)")
        .doesNotContainPattern("@import|url\\(")
        .contains("default-src 'none'");
    assertThat(page.replace("http://www.w3.org/2000/svg", "")).doesNotContainPattern("https?://");
  }

  @Test
  void theHeadlineStandsInThePageWithoutItsScript() {
    String text = textOf(ReportPage.html(SampleReport.of()));

    assertThat(text)
        .contains("Teacher 19.65 perplexity, 82,176 held-out tokens")
        .contains("Student 37.41 perplexity, 82,176 held-out tokens")
        .contains("Student / teacher 1.90 ×")
        .contains("Training tokens 545K")
        .contains("Wall time 4 min 41 s")
        .contains("Throughput 2,247 tokens/s, 2 workers")
        .contains("Matrix orientation 63,488 22.60 6.900 1,386 998.0 7.7% 31 s 2,035")
        .contains("Hidden-state alignment 160,768 7.400 4.700 998.0 55.10 68.1% 1 min 03 s 2,556")
        .contains("End-to-end distillation 320,512 5.120 3.640 55.10 37.90 8.8% 2 min 28 s 2,161")
        .contains("Of the 4 min 41 s of this run 4 min 02 s were training")
        .contains("the first 20,000 held-out tokens are used; for the teacher and the finished")
        .contains("Held-out tokens 82,176");
  }

  @Test
  void theChartsCarryTheNumbersOfTheRun() throws IOException {
    JsonNode data = data(SampleReport.of());

    assertThat(data.at("/journey/teacher").doubleValue()).isEqualTo(19.652);
    assertThat(data.at("/journey/stations").findValuesAsText("label"))
        .containsExactly("untrained", "after matrix", "after hidden", "after distill", "finished");
    assertThat(data.at("/journey/stations").findValuesAsText("perplexity"))
        .containsExactly("1386.0", "998.0", "55.1", "37.9", "37.41");

    List<StepMetrics> steps = SampleRun.steps();
    JsonNode loss = data.at("/stages/0/loss");
    assertThat(data.at("/stages").findValuesAsText("name"))
        .containsExactly("matrix", "hidden", "distill");
    assertThat(loss.get("x")).hasSize(62);
    assertThat(loss.at("/x/61").intValue()).isEqualTo(62);
    assertThat(loss.at("/y/0").doubleValue()).isEqualTo(22.6);
    assertThat(loss.at("/y/61").doubleValue()).isEqualTo(steps.get(61).loss());
    assertThat(data.at("/stages/1/gradient_norm/y/3").doubleValue())
        .isEqualTo(steps.get(62 + 3).gradientNorm());
    assertThat(data.at("/stages/2/learning_rate/y")).hasSize(313);

    assertThat(data.at("/distances/0/states/1/label").textValue()).isEqualTo("after matrix");
    assertThat(data.at("/distances/0/states/1/values/5").doubleValue()).isEqualTo(6.8);
    assertThat(data.at("/distances/1/states/3/values")).hasSize(6);
  }

  @Test
  void speedAndSharesOfTimeAreSumsOverTheSteps() throws IOException {
    List<StepMetrics> steps = new ArrayList<>();
    for (int k = 1; k <= 4; k++) {
      steps.add(
          new StepMetrics(
              StageKind.DISTILL,
              k,
              4,
              k * 100L,
              3,
              List.of(),
              1,
              1,
              1.0,
              0.5,
              0.125,
              0.125,
              2.0,
              0));
    }
    JsonNode data = data(report(steps, List.of()));

    JsonNode time = data.at("/time/0");
    assertThat(time.get("compute").doubleValue()).isEqualTo(4);
    assertThat(time.get("waiting").doubleValue()).isEqualTo(2);
    assertThat(time.get("data").doubleValue()).isEqualTo(0.5);
    assertThat(time.get("checkpoints").doubleValue()).isEqualTo(0.5);
    assertThat(time.get("other").doubleValue()).isEqualTo(1);
    assertThat(data.at("/stages/0/throughput").toString())
        .isEqualTo("{\"x\":[2.0,4.0,6.0,8.0],\"y\":[50.0,50.0,50.0,50.0]}");
  }

  /** By hand: ln 1386 - ln 998 = 0.3284 of ln 1386 - ln 19.652 = 4.2560, and so on. */
  @Test
  void theSharesOfTheGapAreDifferencesOfLogarithms() throws IOException {
    JsonNode stations = data(SampleReport.of()).at("/journey/stations");

    assertThat(stations.at("/0/gap_closed").isNull()).isTrue();
    assertThat(stations.at("/1/gap_closed").doubleValue()).isCloseTo(0.0772, within(1e-4));
    assertThat(stations.at("/2/gap_closed").doubleValue()).isCloseTo(0.6806, within(1e-4));
    assertThat(stations.at("/3/gap_closed").doubleValue()).isCloseTo(0.0879, within(1e-4));
    assertThat(stations.at("/4/gap_closed").isNull()).isTrue();
  }

  @Test
  void perplexitiesByPositionAndSourceAreExponentialsOfTheLosses() throws IOException {
    JsonNode profile = data(SampleReport.full()).at("/profile");
    String text = textOf(ReportPage.html(SampleReport.full()));

    assertThat(profile.at("/positions/0/first").intValue()).isEqualTo(2);
    assertThat(profile.at("/positions/0/teacher").doubleValue())
        .isCloseTo(Math.exp(2.9 + 4 / Math.sqrt(2)), within(1e-9));
    assertThat(profile.at("/sources").findValuesAsText("name"))
        .containsExactly("postgresql <manual>", "java-documentation");
    assertThat(profile.at("/sources/0/student").doubleValue())
        .isCloseTo(Math.exp(3.1 + 1.2 * 0.6), within(1e-9));
    // exp(3.1) = 22.198, exp(3.82) = 45.604
    assertThat(text)
        .contains("postgresql &lt;manual&gt; 42,176 22.20 45.60 2.05 ×")
        .contains("2 321 307.5 416.3 1.35 ×");
  }

  @Test
  void continuationsAndTokensAreTextAndMatricesArePicturesInThePage() {
    String page = ReportPage.html(SampleReport.full());

    assertThat(page).contains("a unit &lt;of&gt; work.\nIt commits.</p>");
    assertThat(page).contains("<span>&lt;b&gt;\n</span>");
    assertThat(
            Pattern.compile("<img class=\"map\" alt=\"[a-z0-9 ,]+\" src=\"data:image/png;")
                .matcher(page)
                .results())
        .hasSize(2 * 4);
    assertThat(textOf(page)).contains("block 3, head 1 distance 6.125");
  }

  @Test
  void aSpanOfTheTimelineEndsWithWhatEndedIt() throws IOException {
    JsonNode timeline = data(SampleReport.full()).at("/timeline");
    double start = timeline.at("/marks/0/time").doubleValue();

    assertThat(timeline.at("/spans").findValuesAsText("stage"))
        .containsExactly("matrix", "hidden", "hidden", "hidden", "distill", "distill");
    assertThat(timeline.at("/spans").findValuesAsText("end"))
        .containsExactly(
            "the stage ended",
            "a failure",
            "its process ended, or the stage did",
            "the stage ended",
            "a change of the number of workers",
            "the stage ended");
    assertThat(timeline.at("/spans/1/to").doubleValue() - start).isEqualTo(80);
    // Killed: steps 51 to 100 took longer than it is from the start at 84 to the checkpoint at 104.
    double trained =
        SampleRun.steps().subList(62 + 50, 62 + 100).stream()
            .mapToDouble(StepMetrics::seconds)
            .sum();
    assertThat(timeline.at("/spans/2/to").doubleValue() - start)
        .isCloseTo(84 + Math.max(20, trained), within(1e-3));
    assertThat(timeline.at("/marks").findValuesAsText("kind"))
        .containsOnlyOnce("restart")
        .doesNotContain("training", "ended");
  }

  @Test
  void aRunThatHasNotEndedSaysSo() {
    RunReport report =
        new RunReport(
            RunSummary.of("run").workers(2).stages(SampleRun.stages().subList(0, 1)).build(),
            SampleRun.steps().subList(0, 100),
            SampleRun.stages().subList(0, 1),
            "",
            Map.of(),
            Optional.empty(),
            Optional.empty());

    assertThat(textOf(ReportPage.html(report)))
        .contains("This run has not ended. So far, a Mamba-2 student was distilled")
        .contains("on 102K tokens by 2 workers")
        .contains("The finished student has not been measured.")
        .contains("No continuations were written in this run.")
        .contains("No matrices were kept in this run.")
        .doesNotContain("start-up, evaluation and export.");
  }

  @Test
  void textOfTheUserStaysText() throws IOException {
    String attack = "</script><img src=x onerror=alert(1)> {{data}} $1 \\ \"'&";
    RunReport report =
        new RunReport(
            RunSummary.of(attack).perplexities(1, 2, 3).build(),
            SampleRun.steps(),
            List.of(),
            "run: " + attack,
            Map.of(attack, 1L),
            Optional.empty(),
            Optional.empty());
    String page = ReportPage.html(report);

    String escaped =
        "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt; {{data}} $1 \\ &quot;&#39;&amp;";
    assertThat(page)
        .doesNotContain("<img")
        .contains("<h1>" + escaped + "</h1>")
        .contains("run: " + escaped + "</code>")
        .contains("<dt>" + escaped + "</dt>");
    assertThat(page.split("</script>", -1)).hasSize(3);
    assertThat(data(page).at("/stages")).hasSize(3);
  }

  @Test
  void jsonInsideAScriptElementCannotEndIt() throws IOException {
    String json = new ObjectMapper().writeValueAsString("</script><!-- & \u2028\u2029");
    String safe = Html.scriptSafe(json);

    assertThat(safe).doesNotContainPattern("[<>&\u2028\u2029]");
    assertThat(new ObjectMapper().readTree(safe)).isEqualTo(new ObjectMapper().readTree(json));
  }

  @Test
  void aBlockThatKeepsAttentionHasNoDistance() throws IOException {
    Evaluation before = new Evaluation(9, 10, List.of(5.0, Double.NaN), List.of(4.0, Double.NaN));
    Evaluation after = new Evaluation(8, 10, List.of(3.0, Double.NaN), List.of(2.0, Double.NaN));
    RunReport report =
        report(List.of(), List.of(new StageResult(StageKind.MATRIX, 1, 2, 3, 4, before, after)));

    assertThat(data(report).at("/distances/0/states/1/values").toString()).isEqualTo("[3.0,null]");
    assertThat(textOf(ReportPage.html(report))).contains("0 5.000 3.000 1 n/a n/a");
  }

  @Test
  void restartsAndStragglersAreInATableWithTheirReasons() {
    RunSummary summary =
        RunSummary.of("run")
            .events(
                List.of(
                    event(RunEvent.Kind.TRAINING, 0, 0, ""),
                    event(RunEvent.Kind.RESTART, 6, 0, "Executor <1> was lost."),
                    event(RunEvent.Kind.TRAINING, 4, 6.5, ""),
                    event(RunEvent.Kind.STRAGGLER, 30, 0, "Executor 2 is a straggler.")))
            .build();

    String text =
        textOf(
            ReportPage.html(
                new RunReport(
                    summary,
                    List.of(),
                    List.of(),
                    "",
                    Map.of(),
                    Optional.empty(),
                    Optional.empty())));

    assertThat(text)
        .contains("1 restart, ")
        .contains("stage distill 6 2 Executor &lt;1&gt; was lost.")
        .contains("Training goes on from step 4 of stage distill with 2 workers; 6.5 s were lost.")
        .contains("Executor 2 is a straggler.")
        .doesNotContain("goes on from step 0");
  }

  private static RunEvent event(RunEvent.Kind kind, long step, double lost, String reason) {
    return new RunEvent(kind, "2026-01-01T00:00:00Z", "stage distill", step, 2, -1, lost, reason);
  }

  @Test
  void stepsWhoseLossIsNotFiniteAreCountedAndLeaveNoPoint() throws IOException {
    List<StepMetrics> steps = new ArrayList<>(SampleRun.steps().subList(0, 62));
    StepMetrics step = steps.get(30);
    steps.set(
        30,
        new StepMetrics(
            step.stage(),
            step.step(),
            step.steps(),
            step.tokens(),
            Double.NaN,
            List.of(),
            Double.POSITIVE_INFINITY,
            step.learningRate(),
            1,
            0,
            0,
            0,
            1,
            0));
    RunReport report = report(steps, List.of());

    assertThat(data(report).at("/stages/0/loss/x")).hasSize(61);
    assertThat(data(report).at("/stages/0/gradient_norm/x")).hasSize(61);
    assertThat(textOf(ReportPage.html(report)))
        .contains("62 steps, not finished; 1 with a loss that is not finite");
  }

  @Test
  void aRunOfOneStageHasOneColumn() throws IOException {
    RunReport report =
        report(SampleRun.steps().subList(219, 532), SampleRun.stages().subList(2, 3));

    assertThat(data(report).at("/stages").findValuesAsText("name")).containsExactly("distill");
    assertThat(ReportPage.html(report)).containsOnlyOnce("data-plot=\"loss\"");
  }

  @Test
  void aRunWithNothingInItIsStillAPage() throws IOException {
    String page =
        ReportPage.html(
            new RunReport(
                RunSummary.of("x").build(),
                List.of(),
                List.of(),
                "",
                Map.of(),
                Optional.empty(),
                Optional.empty()));

    assertThat(textOf(page))
        .contains("The finished student has not been evaluated.")
        .contains("No stage has finished.")
        .contains("No training steps were recorded.")
        .contains("Teacher n/a");
    assertThat(data(page).at("/stages")).isEmpty();
  }

  @Test
  void aHundredThousandStepsMakeALightPageThatKeepsTheSpike() throws IOException {
    List<StepMetrics> steps =
        new ArrayList<>(SampleRun.steps(StageKind.HIDDEN, 100_000, 11, 5, 1e-3, 9e5));
    StepMetrics step = steps.get(54_321);
    steps.set(
        54_321,
        new StepMetrics(
            step.stage(),
            step.step(),
            step.steps(),
            step.tokens(),
            77,
            step.blockLosses(),
            88,
            step.learningRate(),
            1,
            0,
            0,
            0,
            1,
            0));
    String page = ReportPage.html(report(steps, List.of()));
    JsonNode stage = data(page).at("/stages/0");

    for (String curve :
        List.of(
            "loss",
            "smooth_loss",
            "gradient_norm",
            "smooth_gradient_norm",
            "learning_rate",
            "throughput")) {
      assertThat(stage.at("/" + curve + "/x").size()).as(curve).isBetween(100, 2000);
      assertThat(stage.at("/" + curve + "/y").size())
          .isEqualTo(stage.at("/" + curve + "/x").size());
    }
    assertThat(stage.at("/loss/y")).anyMatch(y -> y.doubleValue() == 77);
    assertThat(stage.at("/gradient_norm/y")).anyMatch(y -> y.doubleValue() == 88);
    JsonNode times = stage.at("/throughput/x");
    assertThat(times.get(times.size() - 1).doubleValue())
        .isCloseTo(steps.stream().mapToDouble(StepMetrics::seconds).sum(), within(1e-3));
    assertThat(page.length()).isLessThan(1_000_000);
  }

  private static RunReport report(List<StepMetrics> steps, List<StageResult> stages) {
    RunSummary summary =
        RunSummary.of("run").seqLen(256).stages(stages).perplexities(19, 37, 10).build();
    return new RunReport(
        summary, steps, stages, "run: run", Map.of(), Optional.empty(), Optional.empty());
  }

  private static JsonNode data(RunReport report) throws IOException {
    return data(ReportPage.html(report));
  }

  private static JsonNode data(String page) throws IOException {
    Matcher matcher = DATA.matcher(page);
    assertThat(matcher.find()).isTrue();
    return new ObjectMapper().readTree(matcher.group(1));
  }

  /** What a reader without scripts reads. */
  private static String textOf(String page) {
    String body = page.substring(page.indexOf("<body>"), page.indexOf("<script"));
    return body.replaceAll("<[^>]*>", " ")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
        .replaceAll("[\\s\u00a0]+", " ")
        .replace(" ;", ";");
  }
}
