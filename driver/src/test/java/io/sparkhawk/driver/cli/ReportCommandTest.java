package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.driver.report.ReportPage;
import io.sparkhawk.driver.report.SampleReport;
import io.sparkhawk.executor.compare.ComparisonPlan;
import io.sparkhawk.executor.tensor.DeviceKind;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportCommandTest {

  private final RecordingJobs jobs = new RecordingJobs();
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;
  private Path first;
  private Path second;

  @BeforeEach
  void writeRuns() throws IOException {
    first = folder.resolve("runs/quickstart");
    second = folder.resolve("runs/distill-only");
    SampleReport.writeFolder(first, SampleReport.full());
    SampleReport.writeFolder(second, SampleReport.distillOnly());
  }

  private int run(Object... arguments) {
    String[] line = new String[arguments.length + 1];
    line[0] = "report";
    for (int i = 0; i < arguments.length; i++) {
      line[i + 1] = arguments[i].toString();
    }
    return new CommandLines(jobs, Optional.empty(), new PrintWriter(out), new PrintWriter(err))
        .run(line);
  }

  /** Only what the data set holds is not in the folder. */
  @Test
  void aRunsReportIsMadeOfTheFilesInItsFolder() throws IOException {
    assertThat(run(first)).as(err.toString()).isZero();

    String page = Files.readString(first.resolve("report.html"));
    String expected = ReportPage.html(SampleReport.full());
    int counts = expected.indexOf("<dl class=\"counts\">");
    assertThat(page).startsWith(expected.substring(0, counts));
    assertThat(page.substring(counts)).startsWith("<p class=\"none\">Not known");
    assertThat(page).endsWith(expected.substring(expected.indexOf("<h3>Configuration</h3>")));
    assertThat(out.toString()).contains("Report: ").contains("runs/quickstart/report.html");
  }

  @Test
  void aRunThatHasNotEndedHasAReportOfWhatThereIs() throws IOException {
    Files.delete(first.resolve("summary.json"));
    Files.delete(first.resolve("evaluation.json"));
    Files.delete(first.resolve("comparison.json"));
    Files.delete(first.resolve("stages/distill.json"));
    Path page = folder.resolve("so-far.html");

    assertThat(run(first, "--out", page)).as(err.toString()).isZero();

    assertThat(page)
        .content()
        .contains("This run has not ended.")
        .contains("<h1>quickstart</h1>")
        .contains("distilled from a Transformer on 545K tokens by 2 workers")
        .contains("The finished student has not been measured.")
        .contains("Executor &lt;1&gt; was lost.");
    assertThat(first.resolve("report.html")).doesNotExist();
  }

  @Test
  void aRunInItsFirstStageHasOnlySteps() throws IOException {
    Path young = Files.createDirectories(folder.resolve("runs/young"));
    Files.copy(first.resolve("metrics.jsonl"), young.resolve("metrics.jsonl"));

    assertThat(run(young)).as(err.toString()).isZero();
    assertThat(young.resolve("report.html"))
        .content()
        .contains("<h1>young</h1>", "No stage has finished.", "kept in the run folder when");
  }

  @Test
  void severalRunsAreComparedOnOnePage() {
    Path page = folder.resolve("compare.html");

    assertThat(run(first, second, "--out", page)).as(err.toString()).isZero();

    assertThat(page)
        .content()
        .contains("<h1>2 runs side by side</h1>")
        .contains(">quickstart</th><td>37.41</td><td>19.65</td><td>1.90 ×</td>")
        .contains(">distill-only</th><td>61.80</td><td>19.65</td><td>3.14 ×</td>")
        .contains(">stages.distill.learning-rate</th><td>1e-3</td><td>2e-3</td>");
    assertThat(out.toString()).contains("Comparison: " + page);
  }

  @Test
  void whatIsNoRunIsRefused() throws IOException {
    Path missing = folder.resolve("runs/elsewhere");
    assertThat(run(missing)).isEqualTo(3);
    assertThat(err.toString()).contains("There is no folder").contains("elsewhere; check the path");

    Path data = Files.createDirectories(folder.resolve("data"));
    assertThat(run(first, data, "--out", folder.resolve("x.html"))).isEqualTo(3);
    assertThat(err.toString())
        .contains("data is not the folder of a run: there is neither a metrics.jsonl nor a")
        .contains("such as runs/my-student");
    assertThat(folder.resolve("x.html")).doesNotExist();
  }

  @Test
  void theSameRunTwiceIsRefused() {
    assertThat(run(first, second, folder.resolve("runs/../runs/quickstart"))).isEqualTo(2);
    assertThat(err.toString()).contains("runs/quickstart is named twice; name each run once.");
  }

  @Test
  void aPageThatCannotBeWrittenIsNamed() {
    assertThat(run(first, "--out", folder)).isEqualTo(2);
    assertThat(err.toString()).contains("--out " + folder + " is a folder; name the file in it");

    Path inFile = first.resolve("summary.json/report.html");
    assertThat(run(first, "--out", inFile)).isEqualTo(4);
    assertThat(err.toString()).contains("Cannot write " + inFile);
  }

  @Test
  void aDamagedFileIsNamed() throws IOException {
    Files.writeString(first.resolve("comparison.json"), "{");

    assertThat(run(first)).isEqualTo(3);
    assertThat(err.toString()).contains("comparison.json is not a comparison");
  }

  @Test
  void measuringTakesTheRunsTeacherAndTheChoice() throws IOException {
    Files.createDirectories(first.resolve("student"));
    Path text = Files.writeString(folder.resolve("text.txt"), "SELECT 1;\n");

    int exitCode =
        run(
            first,
            "--measure",
            "--blocks",
            "0,3",
            "--heads",
            "1,2",
            "--text-file",
            text,
            "--prompt",
            "A transaction is",
            "--prompt",
            "To sort, a list");

    assertThat(exitCode).as(err.toString()).isZero();
    ComparisonPlan plan = (ComparisonPlan) jobs.asked.get(0);
    assertThat(plan.teacherFolder()).endsWith("deploy/quickstart/teacher");
    assertThat(plan.dataFolder()).endsWith("runs/quickstart/data");
    assertThat(plan.studentFolder()).endsWith(first.resolve("student").toString());
    assertThat(plan.device()).isEqualTo(DeviceKind.CPU);
    assertThat(plan.choice().blocks()).containsExactly(0, 3);
    assertThat(plan.choice().heads()).containsExactly(1, 2);
    assertThat(plan.choice().text()).isEqualTo("SELECT 1;\n");
    assertThat(plan.choice().prompts()).containsExactly("A transaction is", "To sort, a list");
    assertThat(first.resolve("report.html")).exists();
  }

  @Test
  void onlyTheFinishedStudentOfOneRunIsMeasured() {
    assertThat(run(first, "--measure")).isEqualTo(3);
    assertThat(err.toString()).contains("has no finished student to compare: there is no");

    assertThat(run(first, second, "--measure")).isEqualTo(2);
    assertThat(err.toString()).contains("--measure loads the models of one run, but 2 are named");

    assertThat(run(first, "--blocks", "0")).isEqualTo(2);
    assertThat(err.toString()).contains("--measure");

    assertThat(run(first, "--measure", "--text", "a", "--text-file", "b")).isEqualTo(2);
    assertThat(jobs.asked).isEqualTo(List.of());
  }
}
