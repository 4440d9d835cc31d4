package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.executor.train.StepMetrics;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What happened when, over all sessions of the run. Times are seconds since 1970.
 *
 * @param spans when which stage was trained, in their order
 * @param marks what happened at one moment, in its order
 */
record TimelineData(List<Span> spans, List<Mark> marks) {

  private static final String STAGE = "stage ";

  TimelineData {
    spans = List.copyOf(spans);
    marks = List.copyOf(marks);
  }

  /**
   * Workers train a stage together, from one start to what ended it.
   *
   * @param step steps made before
   * @param end what ended it, in plain words
   */
  record Span(String stage, double from, double to, long step, int workers, String end) {}

  /** Something that happened at one moment; {@code step} is -1 where there is none. */
  record Mark(String kind, double time, String work, long step, String text) {}

  /** Events without a time that can be read are left out. */
  static TimelineData of(List<RunEvent> events, List<StepMetrics> steps) {
    List<RunEvent> timed = events.stream().filter(event -> seconds(event).isPresent()).toList();
    List<Span> spans = new ArrayList<>();
    List<Mark> marks = new ArrayList<>();
    for (int i = 0; i < timed.size(); i++) {
      RunEvent event = timed.get(i);
      if (event.event() == RunEvent.Kind.TRAINING && event.work().startsWith(STAGE)) {
        spans.add(span(timed, i, steps));
      } else if (event.event() != RunEvent.Kind.TRAINING && event.event() != RunEvent.Kind.ENDED) {
        marks.add(
            new Mark(
                event.event().name().toLowerCase(Locale.ROOT),
                at(event),
                event.work(),
                event.step(),
                event.sentence()));
      }
    }
    return new TimelineData(spans, marks);
  }

  private static Span span(List<RunEvent> events, int start, List<StepMetrics> steps) {
    RunEvent training = events.get(start);
    double last = at(training);
    for (RunEvent event : events.subList(start + 1, events.size())) {
      switch (event.event()) {
        case ENDED -> {
          return span(training, at(event), "the stage ended");
        }
        case RESTART -> {
          return span(training, at(event), "a failure");
        }
        case RESIZE -> {
          return span(training, at(event), "a change of the number of workers");
        }
        case TRAINING, SESSION -> {
          // Nobody was there to write down when it ended.
          double known = Math.max(last, at(training) + trained(events, start, steps));
          return span(training, Math.min(at(event), known), "its process ended, or the stage did");
        }
        default -> last = Math.max(last, at(event));
      }
    }
    double known = Math.max(last, at(training) + trained(events, start, steps));
    return span(training, known, "the newest step");
  }

  private static Span span(RunEvent training, double to, String end) {
    String stage = training.work().substring(STAGE.length());
    return new Span(stage, at(training), to, training.step(), training.workers(), end);
  }

  /** Seconds of the steps that count and were made before the same work was started again. */
  private static double trained(List<RunEvent> events, int start, List<StepMetrics> steps) {
    RunEvent training = events.get(start);
    long until =
        events.subList(start + 1, events.size()).stream()
            .filter(event -> event.event() == RunEvent.Kind.TRAINING)
            .filter(event -> event.work().equals(training.work()))
            .mapToLong(RunEvent::step)
            .findFirst()
            .orElse(Long.MAX_VALUE);
    return steps.stream()
        .filter(step -> training.work().equals(STAGE + step.stage().label()))
        .filter(step -> step.step() > training.step() && step.step() <= until)
        .mapToDouble(StepMetrics::seconds)
        .filter(Double::isFinite)
        .sum();
  }

  private static double at(RunEvent event) {
    return seconds(event).orElseThrow();
  }

  private static Optional<Double> seconds(RunEvent event) {
    try {
      return Optional.of(Instant.parse(event.time()).toEpochMilli() / 1e3);
    } catch (DateTimeException | NullPointerException e) {
      return Optional.empty();
    }
  }
}
