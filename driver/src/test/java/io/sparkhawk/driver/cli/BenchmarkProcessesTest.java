package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sparkhawk.data.error.InfrastructureException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 5, unit = TimeUnit.MINUTES)
class BenchmarkProcessesTest {

  private final StringWriter out = new StringWriter();

  @TempDir private Path folder;

  @Test
  void workersTrainTogetherAndTheFirstTells() throws IOException {
    Path json = folder.resolve("figures.json");
    StringWriter err = new StringWriter();

    int exitCode =
        new CommandLines(
                new RecordingJobs(), Optional.empty(), new PrintWriter(out), new PrintWriter(err))
            .run(
                "benchmark",
                "--stage",
                "hidden",
                "--batch",
                "1",
                "--length",
                "8",
                "--steps",
                "1",
                "--warmup",
                "0",
                "--workers",
                "2",
                "--shard-optimizer",
                "true",
                "--json",
                json.toString());

    assertThat(exitCode).as(err.toString()).isZero();
    assertThat(out.toString()).containsOnlyOnce("of all").contains("2 x cpu");
    JsonNode figures = new ObjectMapper().readTree(json.toFile());
    assertThat(figures.get("workers").asInt()).isEqualTo(2);
    assertThat(figures.get("gradient_sum").asText()).isEqualTo("between host memories");
    assertThat(figures.get("exchange_alone").get("sent_bytes").asDouble()).isPositive();
    assertThat(figures.get("exchange_alone").get("seconds").asDouble()).isPositive();
    assertThat(figures.get("optimizer_shards").asInt()).isEqualTo(2);
    assertThat(figures.get("gradient_type").asText()).isEqualTo("float32");
    assertThat(figures.get("total_tokens_per_second").asDouble())
        .isEqualTo(2 * figures.get("tokens_per_second").asDouble());
  }

  @Test
  void workerThatFailsIsNamed() {
    assertThatThrownBy(
            () ->
                BenchmarkProcesses.run(
                    2, List.of("benchmark", "--no-such-option"), new PrintWriter(out)))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("rank 0 of the benchmark");
  }
}
