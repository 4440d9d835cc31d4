package io.sparkhawk.executor.logging;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.function.Supplier;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.layout.AbstractStringLayout;

/**
 * One JSON object a line, with the same fields in each:
 *
 * <pre>
 * {"time": ISO 8601, "level": ..., "run": ..., "stage": ..., "step": ..., "rank": ...,
 *  "process": ..., "logger": ..., "thread": ..., "message": ..., "stack_trace": ...}
 * </pre>
 *
 * <p>A place that there is not is {@code null}; {@code stack_trace} is there with an exception
 * only.
 */
final class JsonLayout extends AbstractStringLayout {

  private static final JsonFactory JSON = new JsonFactory();

  private final String process;
  private final Supplier<LogPlace> place;

  /**
   * @param process what this process is, such as {@code driver}
   * @param place where in the run it is
   */
  JsonLayout(String process, Supplier<LogPlace> place) {
    super(StandardCharsets.UTF_8);
    this.process = process;
    this.place = place;
  }

  @Override
  public String toSerializable(LogEvent event) {
    StringWriter line = new StringWriter(256);
    try (JsonGenerator json = JSON.createGenerator(line)) {
      json.writeStartObject();
      json.writeStringField("time", Instant.ofEpochMilli(event.getTimeMillis()).toString());
      json.writeStringField("level", event.getLevel().name());
      writePlace(json, place.get());
      json.writeStringField("process", process);
      json.writeStringField("logger", event.getLoggerName());
      json.writeStringField("thread", event.getThreadName());
      json.writeStringField("message", event.getMessage().getFormattedMessage());
      if (event.getThrown() != null) {
        json.writeStringField("stack_trace", stackTrace(event.getThrown()));
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("a string can be written to", e);
    }
    return line.append('\n').toString();
  }

  private static void writePlace(JsonGenerator json, LogPlace place) throws IOException {
    writeText(json, "run", place.run());
    writeText(json, "stage", place.stage());
    writeNumber(json, "step", place.step());
    writeNumber(json, "rank", place.rank());
  }

  private static void writeText(JsonGenerator json, String field, String text) throws IOException {
    if (text.isEmpty()) {
      json.writeNullField(field);
    } else {
      json.writeStringField(field, text);
    }
  }

  private static void writeNumber(JsonGenerator json, String field, long number)
      throws IOException {
    if (number < 0) {
      json.writeNullField(field);
    } else {
      json.writeNumberField(field, number);
    }
  }

  private static String stackTrace(Throwable thrown) {
    StringWriter trace = new StringWriter();
    thrown.printStackTrace(new PrintWriter(trace, true));
    return trace.toString();
  }
}
