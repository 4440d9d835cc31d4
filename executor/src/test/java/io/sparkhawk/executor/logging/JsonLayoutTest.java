package io.sparkhawk.executor.logging;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.message.SimpleMessage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class JsonLayoutTest {

  private final JsonLayout layout = new JsonLayout("executor 3", LogPlace::current);

  @AfterEach
  void leaveRun() {
    LogPlace.enterRun("");
  }

  private JsonNode line(String message, Throwable thrown) throws IOException {
    LogEvent event =
        Log4jLogEvent.newBuilder()
            .setLoggerName("io.sparkhawk.executor.worker.Worker")
            .setLevel(Level.WARN)
            .setThreadName("main")
            .setTimeMillis(1_767_323_045_250L)
            .setMessage(new SimpleMessage(message))
            .setThrown(thrown)
            .build();
    String line = layout.toSerializable(event);
    assertThat(line).endsWith("}\n").hasLineCount(1);
    return new ObjectMapper().readTree(line);
  }

  @Test
  void everyLineSaysWhereInTheRunItsProcessIs() throws IOException {
    LogPlace.enterRun("my-student");
    LogPlace.enterWork("stage distill", 1);
    LogPlace.reachStep(57);

    assertThat(line("A \"quoted\"\nmessage \u00e9", null))
        .isEqualTo(
            new ObjectMapper()
                .readTree(
                    """
                    {"time": "2026-01-02T03:04:05.250Z", "level": "WARN", "run": "my-student",
                     "stage": "distill", "step": 57, "rank": 1, "process": "executor 3",
                     "logger": "io.sparkhawk.executor.worker.Worker", "thread": "main",
                     "message": "A \\"quoted\\"\\nmessage \u00e9"}
                    """));
  }

  @Test
  void whereThereIsNoPlaceTheFieldsAreThereAndEmpty() throws IOException {
    JsonNode line = line("begins", null);
    for (String field : new String[] {"run", "stage", "step", "rank"}) {
      assertThat(line.has(field)).as(field).isTrue();
      assertThat(line.get(field).isNull()).as(field).isTrue();
    }
  }

  @Test
  void workThatIsOverIsLeftAndTheRunIsNot() {
    LogPlace.enterRun("my-student");
    LogPlace.enterWork("evaluation of the teacher", 0);
    assertThat(LogPlace.current())
        .isEqualTo(new LogPlace("my-student", "evaluation of the teacher", -1, 0));
    LogPlace.leaveWork();
    assertThat(LogPlace.current()).isEqualTo(new LogPlace("my-student", "", -1, -1));
  }

  @Test
  void anExceptionIsAFieldOfItsLine() throws IOException {
    JsonNode line = line("failed", new IllegalStateException("oops", new IOException("short")));
    assertThat(line.get("stack_trace").asText())
        .startsWith("java.lang.IllegalStateException: oops")
        .contains("\tat io.sparkhawk", "Caused by: java.io.IOException: short");
  }
}
