package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.driver.metrics.MetricsPage;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkContext$;
import scala.Option;

/** Opens the driver's page while a run goes on, and scrapes it as Prometheus does. */
final class PageWatch implements AutoCloseable {

  private static final List<String> SETTINGS = List.of("spark.ui.enabled", "spark.ui.port");

  private final ScheduledExecutorService looking = Executors.newSingleThreadScheduledExecutor();
  private final HttpClient client = HttpClient.newHttpClient();
  private volatile String newest = "";

  private PageWatch() {}

  static PageWatch start() {
    System.setProperty("spark.ui.enabled", "true");
    System.setProperty("spark.ui.port", "0");
    PageWatch watch = new PageWatch();
    var unused = watch.looking.scheduleWithFixedDelay(watch::look, 0, 50, TimeUnit.MILLISECONDS);
    return watch;
  }

  private void look() {
    Option<SparkContext> spark = SparkContext$.MODULE$.getActive();
    if (spark.isEmpty() || spark.get().uiWebUrl().isEmpty()) {
      return;
    }
    String address = spark.get().uiWebUrl().get();
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(address + MetricsPage.PATH + "/"))
            .timeout(Duration.ofSeconds(10))
            .build();
    try {
      HttpResponse<String> page = client.send(request, HttpResponse.BodyHandlers.ofString());
      if (page.statusCode() == 200) {
        newest = page.body();
      }
    } catch (IOException gone) {
      return; // The application begins or ends.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The page as it was scraped last. */
  String newestPage() {
    assertThat(newest).as("scraped from the driver").isNotEmpty();
    return newest;
  }

  @Override
  public void close() {
    looking.shutdownNow();
    SETTINGS.forEach(System::clearProperty);
  }
}
