package io.sparkhawk.driver.tab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.SampleRun;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.train.StepMetrics;
import io.sparkhawk.testing.Browser;
import io.sparkhawk.testing.BrowserPage;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The tab of a real Spark application, and of its event log, in a real browser where one is
 * installed. {@code -Dtab.pictures=FOLDER} keeps pictures of what it saw.
 */
class RunTabTest {

  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final String LOST =
      "Executor 1 (rank 1 on 127.0.0.1:40123) was lost in stage hidden after step 57: its process"
          + " was killed (signal 9). Training starts again from the newest checkpoint (restart 1 of"
          + " 5).";

  private static final String SLOW =
      "Executor 1 (rank 1 on 127.0.0.1:41001) is a straggler since step 118 of stage hidden: it"
          + " computes 0.71 s a step where the median of all is 0.319 s; the others wait for it.";

  private static Browser browser;

  @TempDir Path events;

  @BeforeAll
  static void startBrowser() {
    assumeTrue(
        Browser.program().isPresent(),
        "no chromium on the PATH: the tab is not looked at in a browser");
    browser = Browser.start();
  }

  @AfterAll
  static void endBrowser() {
    if (browser != null) {
      browser.close();
    }
  }

  @Test
  void thePageShowsTheRunsOwnFiguresAndThoseThatComeWithoutBeingLoadedAgain() throws Exception {
    try (WatchedRun run = WatchedRun.start(events)) {
      trainToHidden57(run);
      BrowserPage page = browser.open(run.page(), 1400, 1200, false);
      page.await(
          "document.querySelector('[data-figure=Step]')?.innerText.startsWith('57')", PATIENCE);
      expect(page, step(StageKind.HIDDEN, 57));
      assertThat(page.text("[data-is=state]")).isEqualTo("training");
      assertThat(page.text("[data-is=checkpoints]")).contains("hidden\t50\t36.7 MiB");
      page.value("window.stays = 1");

      run.tell(RunEvent.Kind.RESTART, StageKind.HIDDEN, 58, -1, 0, LOST);
      run.tell(RunEvent.Kind.TRAINING, StageKind.HIDDEN, 50, -1, 6.2, "");
      run.train(StageKind.HIDDEN, 50, 120);
      run.checkpoint(StageKind.HIDDEN, 100);
      run.tell(RunEvent.Kind.STRAGGLER, StageKind.HIDDEN, 118, 1, 0, SLOW);
      page.await(
          "document.querySelector('[data-figure=Step]').innerText.startsWith('120')", PATIENCE);

      assertThat(page.value("window.stays").asInt()).isEqualTo(1);
      expect(page, step(StageKind.HIDDEN, 120));
      assertThat(page.text("[data-figure=Restarts]")).startsWith("1").contains("6 s lost");
      assertThat(page.text("[data-is=events]")).contains(LOST);
      page.await("document.querySelector('[data-is=alarms] .warning')", PATIENCE);
      assertThat(page.text("[data-is=alarms]")).contains(SLOW);
      assertThat(page.text("[data-is=ranks]"))
          .contains("127.0.0.1:41001")
          .contains("in step")
          .contains("straggler");
      assertThat(page.value("document.querySelectorAll('.uplot').length").asInt()).isEqualTo(6);
      expectQuiet(page, run.page());
      picture(run.page(), "live");
    }
  }

  @Test
  void theHistoryServerShowsTheSameFromTheEventLog() throws Exception {
    String application;
    try (WatchedRun run = WatchedRun.start(events)) {
      application = run.applicationId();
      trainToHidden57(run);
      run.train(StageKind.HIDDEN, 57, WatchedRun.steps(StageKind.HIDDEN));
      run.end(StageKind.HIDDEN);
      run.train(StageKind.DISTILL, 0, WatchedRun.steps(StageKind.DISTILL));
      run.end(StageKind.DISTILL);
      run.tab().teacherEvaluated(SampleRun.stages().get(0).before());
      run.tab().studentEvaluated(SampleRun.stages().get(2).after());
      run.tab().runEnded(Optional.empty());
    }
    try (HistoryPages pages = HistoryPages.serve(events.toUri().toString(), 0)) {
      awaitApplication(pages, application);
      BrowserPage page = browser.open(pages.page(application), 1400, 1200, true);
      page.await(
          "document.querySelector('[data-figure=Step]')?.innerText.startsWith('313')", PATIENCE);

      assertThat(page.text("[data-is=state]")).isEqualTo("finished");
      expect(page, step(StageKind.DISTILL, 313));
      assertThat(page.text(".m-stage[data-stage=matrix] .m-facts")).contains("step 62 of 62");
      assertThat(page.text("[data-figure=Perplexity]")).startsWith("37.90");
      page.value("document.querySelector('.m-choice [data-stage=matrix]').click()");
      page.await("document.querySelector('[data-panel=heat] canvas')", PATIENCE);
      expectQuiet(page, pages.address());
      picture(pages.page(application), "history");
    }
  }

  private static void trainToHidden57(WatchedRun run) throws Exception {
    run.train(StageKind.MATRIX, 0, WatchedRun.steps(StageKind.MATRIX));
    run.checkpoint(StageKind.MATRIX, 62);
    run.end(StageKind.MATRIX);
    run.train(StageKind.HIDDEN, 0, 57);
    run.checkpoint(StageKind.HIDDEN, 50);
    run.await();
  }

  /** What the page says in its first row are the figures of this step. */
  private static void expect(BrowserPage page, StepMetrics step) {
    assertThat(page.text("[data-figure=Loss]")).startsWith(measure(step.loss()));
    assertThat(page.text("[data-figure='Learning rate']"))
        .contains("gradient norm " + measure(step.gradientNorm()));
    assertThat(page.text("[data-figure=Stage]")).contains(step.stage().label());
    String card = ".m-stage[data-stage=" + step.stage().label() + "]";
    assertThat(page.text(card + " .m-axis b")).isEqualTo(measure(step.loss()));
  }

  private static String measure(double value) {
    return String.format(Locale.ROOT, value >= 10 ? "%.2f" : value >= 1 ? "%.3f" : "%.4f", value);
  }

  /** No complaint, and nothing was asked of any other host. */
  private static void expectQuiet(BrowserPage page, URI server) {
    assertThat(page.complaints()).isEmpty();
    assertThat(page.requests())
        .isNotEmpty()
        .allSatisfy(request -> assertThat(request.getAuthority()).isEqualTo(server.getAuthority()));
  }

  private static StepMetrics step(StageKind kind, long number) {
    return SampleRun.steps().stream()
        .filter(step -> step.stage() == kind && step.step() == number)
        .findFirst()
        .orElseThrow();
  }

  /** The server looks for event logs on a thread of its own. */
  private static void awaitApplication(HistoryPages pages, String application) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    URI about = pages.address().resolve("api/v1/applications/" + application);
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    int status;
    do {
      status =
          client
              .send(HttpRequest.newBuilder(about).build(), HttpResponse.BodyHandlers.discarding())
              .statusCode();
    } while (status != 200 && System.nanoTime() < deadline);
    assertThat(status).isEqualTo(200);
  }

  private static void picture(URI address, String name) throws Exception {
    String folder = System.getProperty("tab.pictures", "");
    if (folder.isEmpty()) {
      return;
    }
    Files.createDirectories(Path.of(folder));
    for (boolean dark : List.of(false, true)) {
      BrowserPage page = browser.open(address, 1400, 1880, dark);
      page.await("document.querySelector('.uplot')", PATIENCE);
      page.screenshot(Path.of(folder, name + (dark ? "-dark" : "-light") + ".png"), true);
    }
  }
}
