package io.sparkhawk.driver.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The alert rules, by Prometheus's own tool, and against the metrics that there are. */
class AlertRulesTest {

  private static final Path FOLDER = Path.of("../deploy/monitoring");
  private static final String RULES = "alerts.yaml";
  private static final String TESTS = "alerts-test.yaml";
  private static final Pattern ALERT = Pattern.compile("(?m)- alert: (\\w+)$");
  private static final Pattern METRIC = Pattern.compile("sparkhawk_\\w+");

  @TempDir private Path folder;

  private static String rules() throws IOException {
    return Files.readString(FOLDER.resolve(RULES));
  }

  private static List<String> alerts() throws IOException {
    return ALERT.matcher(rules()).results().map(match -> match.group(1)).toList();
  }

  @Test
  void prometheusAcceptsTheRulesAndTheirTestsPass() throws Exception {
    assertThat(Promtool.run(FOLDER, "", "check", "rules", RULES))
        .matches(verdict -> verdict.exitCode() == 0)
        .matches(verdict -> verdict.output().contains("SUCCESS"));
    assertThat(Promtool.run(FOLDER, "", "test", "rules", TESTS))
        .matches(verdict -> verdict.exitCode() == 0);
  }

  /** Every number in an expression and every wait matters to some test. */
  @Test
  void aRuleThatIsChangedFailsItsTests() throws Exception {
    Files.copy(FOLDER.resolve(TESTS), folder.resolve(TESTS));
    Map<String, String> changes =
        Map.of(
            "> 900", "> 9000",
            "> 2.5", "> 3.5",
            "for: 15m", "for: 30m",
            "_stragglers > 0", "_stragglers > 1",
            "> 120", "> 1200",
            "[15m]) > 3", "[15m]) > 30",
            "> 0.1", "> 0.3",
            "> 7200", "> 72000",
            "sparkhawk_training == 1", "sparkhawk_training == 0");
    for (Map.Entry<String, String> change : changes.entrySet()) {
      assertThat(rules()).contains(change.getKey());
      String changed = rules().replace(change.getKey(), change.getValue());
      Files.writeString(folder.resolve(RULES), changed);
      assertThat(Promtool.run(folder, "", "test", "rules", TESTS).exitCode())
          .as(change.toString())
          .isNotZero();
    }
  }

  @Test
  void rulesKnowOnlyMetricsThatThereAre() throws IOException {
    Set<String> metrics =
        Stream.of(MetricFamily.values()).map(MetricFamily::metric).collect(Collectors.toSet());
    assertThat(METRIC.matcher(rules()).results().map(MatchResult::group))
        .isNotEmpty()
        .isSubsetOf(metrics);
  }

  @Test
  void everyAlertHasATestAndSaysWhatToDoOnThePageForPeople() throws IOException {
    String tests = Files.readString(FOLDER.resolve(TESTS));
    String page = Files.readString(Path.of("../docs/monitoring.md"));
    assertThat(alerts()).hasSizeGreaterThan(5);
    for (String alert : alerts()) {
      assertThat(tests)
          .containsPattern("alertname: " + alert + "\\n +eval_time: \\w+\\n +exp_alerts:");
      assertThat(tests).contains("{alertname: " + alert + ",");
      assertThat(page).contains("| `" + alert + "` |");
    }
  }
}
