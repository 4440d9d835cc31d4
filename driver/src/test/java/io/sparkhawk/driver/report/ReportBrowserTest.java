package io.sparkhawk.driver.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.driver.progress.SampleRun;
import io.sparkhawk.executor.train.StepMetrics;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page in a real browser, where one is installed. */
class ReportBrowserTest {

  private static final long PATIENCE_SECONDS = 120;

  @TempDir Path folder;

  @Test
  void everyChartIsDrawnAndNothingIsComplainedAbout() throws Exception {
    Seen seen = open(ReportPage.html(SampleReport.of()));

    assertThat(seen.complaints()).isEmpty();
    assertThat(
            Pattern.compile("data-plot=\"[a-z-]+\"[^>]*>\\s*<svg").matcher(seen.page()).results())
        .hasSize(3 * 3 + 2 + 3);
    assertThat(seen.page()).contains(">1,386</text>").contains(">block 5</text>");
  }

  @Test
  void aPageWithoutDataIsDrawnWithoutComplaint() throws Exception {
    RunReport nothing =
        new RunReport(
            RunSummary.of("x").build(),
            List.of(),
            List.of(),
            "",
            Map.of(),
            Optional.empty(),
            Optional.empty());

    assertThat(open(ReportPage.html(nothing)).complaints()).isEmpty();
  }

  @Test
  void pointingAtACurveReadsOutAllCurvesOfItsStage() throws Exception {
    String point =
        """
        <script>
        const chart = document.querySelector('[data-plot="loss"] svg');
        const box = chart.getBoundingClientRect();
        chart.dispatchEvent(new PointerEvent('pointermove', { clientX: box.right - 4 }));
        </script></body>
        """;
    Seen seen = open(ReportPage.html(SampleReport.of()).replace("</body>", point));
    StepMetrics last = SampleRun.steps().get(61);

    assertThat(seen.complaints()).isEmpty();
    assertThat(seen.page().replace("&nbsp;", ""))
        .contains(
            "<output>step <b>62</b> loss <b>" + Figures.measure(last.loss()) + "</b> mean <b>")
        .contains(
            "<output>step <b>62</b>  <b>" + Figures.measure(last.gradientNorm()) + "</b></output>");
  }

  private record Seen(String page, List<String> complaints) {}

  private Seen open(String html) throws Exception {
    Optional<Path> browser = browser();
    assumeTrue(browser.isPresent(), "no chromium on the PATH");
    Path page = Files.writeString(folder.resolve("report.html"), html);
    File drawn = folder.resolve("drawn.html").toFile();
    // The browser's children may write here for a moment longer than the browser lives.
    Path profile = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "browser-");
    File log = folder.resolve("log").toFile();
    List<String> command = new ArrayList<>(List.of(browser.get().toString()));
    command.addAll(
        List.of(
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            "--user-data-dir=" + profile,
            "--dump-dom",
            page.toUri().toString()));
    Process process = new ProcessBuilder(command).redirectOutput(drawn).redirectError(log).start();
    try {
      assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    return new Seen(
        Files.readString(drawn.toPath()),
        Files.readAllLines(log.toPath()).stream()
            .filter(line -> line.contains("CONSOLE"))
            .toList());
  }

  private static Optional<Path> browser() throws IOException {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .flatMap(
            folder -> List.of("chromium", "google-chrome").stream().map(Path.of(folder)::resolve))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
