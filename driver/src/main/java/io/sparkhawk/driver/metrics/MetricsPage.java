package io.sparkhawk.driver.metrics;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import jakarta.servlet.http.HttpServletRequest;
import java.util.Map;
import java.util.Properties;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.metrics.sink.PrometheusServlet;

/**
 * Spark's Prometheus page with a run's metrics first: in the text exposition format 0.0.4, with
 * their own names, labels, types and meanings. What other sources measure follows as Spark writes
 * it, which puts everything into the name.
 *
 * <p>Spark makes it by its name in {@code spark.metrics.conf} and serves it from the driver's user
 * interface.
 */
public final class MetricsPage extends PrometheusServlet {

  /** Where the driver's user interface serves it. */
  public static final String PATH = "/metrics/prometheus";

  private static final String OURS = "." + RunMetrics.SOURCE + ".";
  private static final String OURS_AS_SPARK_WRITES_IT = "_" + RunMetrics.SOURCE + "_";

  /** Called by Spark's metrics system. */
  public MetricsPage(Properties properties, MetricRegistry registry) {
    super(properties, registry);
  }

  @Override
  public String getMetricsSnapshot(HttpServletRequest request) {
    return getMetricsSnapshot();
  }

  @Override
  public String getMetricsSnapshot() {
    String others =
        super.getMetricsSnapshot()
            .lines()
            .filter(line -> !line.contains(OURS_AS_SPARK_WRITES_IT))
            .map(line -> line + "\n")
            .collect(Collectors.joining());
    return runMetrics() + others;
  }

  private String runMetrics() {
    SortedMap<String, Double> series = new TreeMap<>();
    for (Map.Entry<String, ?> gauge : registry().getGauges().entrySet()) {
      int source = gauge.getKey().indexOf(OURS);
      if (source >= 0 && ((Gauge<?>) gauge.getValue()).getValue() instanceof Double value) {
        series.put(gauge.getKey().substring(source + OURS.length()), value);
      }
    }
    StringBuilder page = new StringBuilder();
    for (MetricFamily family : MetricFamily.values()) {
      // All series of a family stand together: their names go on with the label's brace.
      SortedMap<String, Double> members =
          series.subMap(family.metric() + "{", family.metric() + "{" + Character.MAX_VALUE);
      if (!members.isEmpty()) {
        page.append("# HELP %s %s\n".formatted(family.metric(), family.help()));
        page.append("# TYPE %s %s\n".formatted(family.metric(), family.type().label()));
        members.forEach((name, value) -> page.append(name + " " + number(value) + "\n"));
      }
    }
    return page.toString();
  }

  private static String number(double value) {
    if (Double.isInfinite(value)) {
      return value > 0 ? "+Inf" : "-Inf";
    }
    return Double.toString(value);
  }
}
