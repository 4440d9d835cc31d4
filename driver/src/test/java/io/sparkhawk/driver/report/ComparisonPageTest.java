package io.sparkhawk.driver.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.driver.progress.SampleRun;
import io.sparkhawk.executor.stage.StageKind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ComparisonPageTest {

  private static final Pattern DATA =
      Pattern.compile(
          "<script type=\"application/json\" id=\"run\">(.*?)</script>", Pattern.DOTALL);

  private static List<ComparedRun> two() {
    return List.of(
        ComparedRun.of("runs/quickstart", SampleReport.full()),
        ComparedRun.of("runs/distill-only", SampleReport.distillOnly()));
  }

  private static JsonNode data(List<ComparedRun> runs) throws IOException {
    Matcher matcher = DATA.matcher(ComparisonPage.html(runs));
    assertThat(matcher.find()).isTrue();
    return new ObjectMapper().readTree(matcher.group(1));
  }

  @Test
  void thePageNeedsNothingElse() {
    String page = ComparisonPage.html(two());

    assertThat(page)
        .doesNotContain("{{")
        .doesNotContainPattern("(src|href)=\"(?!data:)")
        .doesNotContainPattern("@import|url\\(")
        .contains("default-src 'none'");
    assertThat(page.replace("http://www.w3.org/2000/svg", "")).doesNotContainPattern("https?://");
  }

  @Test
  void curvesAreOverTokensAndOnlyOfStagesThatARunHas() throws IOException {
    JsonNode stages = data(two()).get("stages");

    assertThat(stages.findValuesAsText("name")).containsExactly("matrix", "hidden", "distill");
    assertThat(stages.at("/0/lines").findValuesAsText("label")).containsExactly("quickstart");
    JsonNode distill = stages.at("/2/lines");
    assertThat(distill.findValuesAsText("label")).containsExactly("quickstart", "distill-only");
    JsonNode tokens = distill.at("/1/x");
    assertThat(tokens.get(0).doubleValue()).isEqualTo(1024);
    assertThat(tokens.get(tokens.size() - 1).doubleValue()).isEqualTo(700 * 1024);
  }

  @Test
  void theSameTeacherIsThereOnce() throws IOException {
    JsonNode data = data(two());

    assertThat(data.at("/positions").findValuesAsText("label"))
        .containsExactly("teacher", "quickstart", "distill-only");
    assertThat(data.at("/journey/teachers").findValuesAsText("label")).containsExactly("teacher");
    assertThat(data.at("/sources/0/bars").findValuesAsText("label"))
        .containsExactly("teacher", "quickstart", "distill-only");
    assertThat(data.at("/journey/stations").toString())
        .isEqualTo(
            "[\"untrained\",\"after matrix\",\"after hidden\",\"after distill\",\"finished\"]");
    assertThat(data.at("/journey/lines/1/x").toString()).isEqualTo("[0.0,3.0,4.0]");
  }

  @Test
  void runsOfOtherTeachersAreNotComparedByPerplexity() throws IOException {
    RunReport other = SampleReport.distillOnly();
    RunSummary summary =
        RunSummary.of("other").perplexities(12, 18, 500).stages(other.stages()).build();
    RunReport report =
        new RunReport(
            summary,
            other.steps(),
            other.stages(),
            "",
            Map.of(),
            Optional.empty(),
            Optional.empty());
    List<ComparedRun> runs = List.of(two().get(0), ComparedRun.of("runs/other", report));

    assertThat(ComparisonPage.html(runs))
        .contains("Of these runs other came closest to its teacher: a perplexity of 18.00, 1.50 ×")
        .contains("compare the ratios rather than the perplexities");
    assertThat(data(runs).at("/journey/teachers").findValuesAsText("label"))
        .containsExactly("teacher of quickstart", "teacher of other");
  }

  @Test
  void runsOfTheSameNameAreCalledByTheirFolders() throws IOException {
    List<ComparedRun> runs =
        List.of(
            ComparedRun.of("a/<x>", SampleReport.full()),
            ComparedRun.of("b/x", SampleReport.full()));

    assertThat(data(runs).get("runs").toString()).isEqualTo("[\"a/<x>\",\"b/x\"]");
    assertThat(ComparisonPage.html(runs)).contains("a/&lt;x&gt;").doesNotContain("a/<x>");
    assertThat(ComparisonPage.html(runs)).contains("No setting differs");
  }

  @Test
  void settingsAreComparedByTheNamesOfTheStages() {
    assertThat(FlatSettings.of(SampleReport.CONFIGURATION))
        .containsEntry("student.state-size", "64")
        .containsEntry("student.attention-blocks", "[]")
        .containsEntry("stages.hidden.tokens", "160K")
        .containsEntry("stages.distill.train", "all");
    assertThat(FlatSettings.of("a: [")).isEmpty();
    assertThat(FlatSettings.of("")).isEmpty();
  }

  @Test
  void aStageThatARunLacksStandsWithItsTokensAlone() {
    RunReport all = SampleReport.full();
    int hidden = all.configuration().indexOf("  - name: hidden");
    int distill = all.configuration().indexOf("  - name: distill");
    RunReport without =
        new RunReport(
            all.summary(),
            all.steps(),
            all.stages(),
            all.configuration().substring(0, hidden) + all.configuration().substring(distill),
            all.dataCounts(),
            all.heldOut(),
            all.comparison());

    String page =
        ComparisonPage.html(List.of(ComparedRun.of("a", all), ComparedRun.of("b", without)));

    assertThat(page)
        .contains("stages.hidden.tokens</th><td>160K</td><td>not set</td>")
        .doesNotContain("stages.hidden.learning-rate", "stages.hidden.name");
  }

  @Test
  void tenRunsOfAHundredThousandStepsMakeALightPage() {
    RunReport report =
        new RunReport(
            RunSummary.of("long").build(),
            SampleRun.steps(StageKind.DISTILL, 100_000, 11, 5, 1e-3, 9e5),
            List.of(),
            "",
            Map.of(),
            Optional.empty(),
            Optional.empty());
    List<ComparedRun> runs = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      runs.add(ComparedRun.of("runs/" + i, report));
    }

    assertThat(ComparisonPage.html(runs).length()).isLessThan(500_000);
    assertThat(runs.get(0).losses().get("distill").size()).isBetween(100, 300);
  }
}
