package io.sparkhawk.driver.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.testing.Browser;
import io.sparkhawk.testing.BrowserPage;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a person sees on the pages, in a real browser, where one is installed. */
class ReportPagesInBrowserTest {

  private static Browser browser;

  @TempDir private Path folder;

  @BeforeAll
  static void startBrowser() {
    assumeTrue(Browser.program().isPresent(), "no chromium on the PATH");
    browser = Browser.start();
  }

  @AfterAll
  static void endBrowser() {
    if (browser != null) {
      browser.close();
    }
  }

  private BrowserPage open(String html, int width, boolean dark) throws IOException {
    URI page = Files.writeString(folder.resolve("page.html"), html).toUri();
    return browser.open(page, width, 900, dark);
  }

  /** The page asks for itself alone, complains of nothing and is not wider than the window. */
  private static void assertQuiet(BrowserPage page) {
    assertThat(page.complaints()).isEmpty();
    assertThat(page.requests())
        .allSatisfy(address -> assertThat(address.getScheme()).isIn("file", "data"));
    assertThat(page.value("document.documentElement.scrollWidth <= innerWidth").asBoolean())
        .isTrue();
    assertThat(
            page.value("[...document.querySelectorAll('[data-plot]')].every(p => p.firstChild)")
                .asBoolean())
        .as("every chart is drawn")
        .isTrue();
  }

  private static List<String> texts(BrowserPage page, String selector) {
    String all =
        page.value(
                "[...document.querySelectorAll(\"%s\")].map(e => e.textContent).join('|')"
                    .formatted(selector))
            .asText();
    return List.of(all.split("\\|"));
  }

  @ParameterizedTest
  @ValueSource(ints = {360, 1280})
  void theReportIsQuietAtAnyWidth(int width) throws IOException {
    assertQuiet(open(ReportPage.html(SampleReport.full()), width, width < 1000));
  }

  @Test
  void theNumbersOnTheChartsAreThoseOfTheRun() throws IOException {
    BrowserPage page = open(ReportPage.html(SampleReport.full()), 1280, false);

    assertThat(texts(page, "[data-plot=journey] .value"))
        .containsExactlyInAnyOrder("1,386", "998.0", "55.10", "37.90", "37.41", "19.65");
    assertThat(texts(page, "[data-plot=journey] text"))
        .contains("7.7% of the gap", "68.1% of the gap", "8.8% of the gap");
    assertThat(texts(page, "[data-plot=sources] .amount"))
        .containsExactly(
            Figures.measure(Math.exp(3.1)), Figures.measure(Math.exp(3.1 + 1.2 * 0.6)),
            Figures.measure(Math.exp(2.7)), Figures.measure(Math.exp(2.7 + 0.6)));
    assertThat(
            page.value("document.querySelectorAll('[data-plot=positions] path.line').length")
                .asInt())
        .isEqualTo(2);
  }

  @Test
  void matricesArePicturesOfOnePixelForEachElement() throws IOException {
    BrowserPage page = open(ReportPage.html(SampleReport.full()), 1280, true);

    assertThat(
            page.value(
                    """
                    [...document.querySelectorAll('img.map')].map(i => i.naturalWidth + ' '
                      + getComputedStyle(i).imageRendering).join('|')""")
                .asText()
                .split("\\|"))
        .hasSize(8)
        .containsOnly("32 pixelated");
  }

  @Test
  void pointingAtARestartOnTheTimelineReadsItsReason() throws IOException {
    BrowserPage page = open(ReportPage.html(SampleReport.full()), 1280, false);
    page.value("document.querySelector('[data-plot=timeline]').scrollIntoView({block: 'center'})");
    String box = "document.querySelector('[data-plot=timeline] .restart').getBoundingClientRect()";

    page.pointTo(
        page.value("(b => b.x + b.width / 2)(%s)".formatted(box)).asDouble(),
        page.value("(b => b.y + b.height / 2)(%s)".formatted(box)).asDouble());

    assertThat(page.text(".tall output"))
        .contains("2026-03-01T23:59:20Z", "Executor <1> was lost.");
    assertThat(page.value("document.querySelectorAll('[data-plot=timeline] .bar').length").asInt())
        .isEqualTo(6);
    assertThat(
            page.value("document.querySelectorAll('[data-plot=timeline] .checkpoint').length")
                .asInt())
        .isEqualTo(3);
  }

  @Test
  void theTimelineIsReadWithTheArrowKeys() throws IOException {
    BrowserPage page = open(ReportPage.html(SampleReport.full()), 1280, false);

    page.value(
        """
        (svg => ['Home', 'ArrowRight', 'ArrowRight'].forEach(key =>
          svg.dispatchEvent(new KeyboardEvent('keydown', { key }))))(
          document.querySelector('[data-plot=timeline] svg'))""");

    assertThat(page.text(".tall output")).contains("Checkpoint of step 62, 12 MB.");
  }

  @ParameterizedTest
  @ValueSource(ints = {360, 1280})
  void theComparisonIsQuietAndShowsEveryRun(int width) throws IOException {
    String html =
        ComparisonPage.html(
            List.of(
                ComparedRun.of("runs/quickstart", SampleReport.full()),
                ComparedRun.of("runs/distill-only", SampleReport.distillOnly())));
    BrowserPage page = open(html, width, width < 1000);

    assertQuiet(page);
    assertThat(texts(page, "[data-plot=sources] .amount"))
        .startsWith(
            Figures.measure(Math.exp(3.1)),
            Figures.measure(Math.exp(3.1 + 1.2 * 0.6)),
            Figures.measure(Math.exp(3.1 + 1.2 * 1.1)));
    assertThat(
            page.value("document.querySelectorAll('[data-stage=\"2\"] path.line').length").asInt())
        .isEqualTo(2);

    page.value(
        """
        (svg => ['Home', 'End'].forEach(key =>
          svg.dispatchEvent(new KeyboardEvent('keydown', { key }))))(
          document.querySelector('[data-plot=journey] svg'))""");
    assertThat(page.text("[aria-labelledby=journey] output"))
        .contains("finished")
        .contains("teacher 19.65")
        .contains("quickstart 37.41")
        .contains("distill-only 61.80");
  }
}
