package io.sparkhawk.driver.tab;

import io.sparkhawk.driver.progress.JsonFormat;
import io.sparkhawk.driver.tab.TabEvent.CheckpointMade;
import io.sparkhawk.driver.tab.TabEvent.Happened;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A view as the page reads it: one JSON object. Of the curves it holds what is newer than a cursor,
 * so that a page that looks again every second gets little.
 *
 * <p>A cursor has, for each stage that the page has points of, the width of its buckets as a power
 * of two and the first step of its last bucket, which may have grown since: {@code
 * matrix~0~57,hidden~2~9}. Where buckets have become wider since, all of the stage's are sent.
 */
final class ViewJson {

  /** More ranks than a person reads; the slowest are shown. */
  private static final int MOST_RANKS = 64;

  private static final Pattern POSITION =
      Pattern.compile("\\b([a-z]{1,20})~([0-9]{1,2})~([0-9]{1,15})\\b");

  private final RunView view;
  private final long now;
  private final boolean live;

  private ViewJson(RunView view, long now, boolean live) {
    this.view = view;
    this.now = now;
    this.live = live;
  }

  /**
   * @param since the cursor of what the page has, empty for nothing
   * @param now what time it is; of a run that is over, when its last event was told
   * @param live whether more is to be expected
   */
  static String of(RunView view, String since, long now, boolean live) {
    synchronized (view) {
      if (live) {
        view.checkTime(now);
      }
      return JsonFormat.line(new ViewJson(view, now, live).json(cursor(since)));
    }
  }

  private record Position(int level, long firstStep) {}

  /** What is no cursor stands for nothing: the page then gets all. */
  private static Map<String, Position> cursor(String since) {
    Map<String, Position> positions = new HashMap<>();
    Matcher position = POSITION.matcher(since);
    while (position.find()) {
      positions.put(
          position.group(1),
          new Position(Integer.parseInt(position.group(2)), Long.parseLong(position.group(3))));
    }
    return positions;
  }

  private Map<String, Object> json(Map<String, Position> cursor) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("run", view.run());
    json.put("state", state());
    json.put("failure", view.end().map(TabEvent.RunEnded::failure).orElse(""));
    json.put("live", live && view.end().isEmpty());
    json.put("now", now);
    json.put("started", view.started());
    json.put("ended", view.end().map(TabEvent.RunEnded::time).orElse(0L));
    json.put("restarts", view.restarts());
    json.put("lost_seconds", view.lostSeconds());
    json.put("work", view.ranks().work());
    json.put("current", view.current().map(stage -> stage.plan().stage()).orElse(""));
    json.put("stages", view.stages().stream().map(ViewJson::stage).toList());
    json.put("series", series(cursor));
    json.put("workers", view.ranks().workers());
    json.put("ranks", ranks());
    json.put("evaluations", view.evaluations());
    json.put("alarms", view.alarms().active());
    json.put("past_alarms", view.alarms().past());
    json.put("events", view.events().stream().map(ViewJson::event).toList());
    json.put("checkpoint_count", view.checkpointCount());
    json.put("checkpoints", view.checkpoints().stream().map(this::checkpoint).toList());
    return json;
  }

  private String state() {
    if (view.end().isPresent()) {
      return view.end().get().failure().isEmpty() ? "finished" : "failed";
    }
    if (view.isTraining()) {
      return live ? "training" : "unfinished";
    }
    return live ? "working" : "unfinished";
  }

  private static Map<String, Object> stage(StageView stage) {
    TabEvent.StepFigures last = stage.last();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("stage", stage.plan().stage());
    json.put("state", stage.state().name().toLowerCase(Locale.ROOT));
    json.put("steps", stage.plan().steps());
    json.put("step", last == null ? 0 : last.step());
    json.put("tokens", last == null ? 0 : last.tokens());
    json.put("seconds", stage.seconds());
    json.put("seconds_left", stage.secondsLeft());
    json.put("first_loss", stage.firstLoss());
    json.put("loss", last == null ? Double.NaN : last.loss());
    json.put("mean_loss", stage.meanLoss());
    json.put("largest_expected_loss", stage.largestExpectedLoss());
    json.put("gradient_norm", last == null ? Double.NaN : last.gradientNorm());
    json.put("learning_rate", last == null ? Double.NaN : last.learningRate());
    json.put("tokens_per_second", stage.tokensPerSecond());
    json.put("skipped", last == null ? 0 : last.skipped());
    return json;
  }

  private Map<String, Object> series(Map<String, Position> cursor) {
    Map<String, Object> json = new LinkedHashMap<>();
    for (StageView stage : view.stages()) {
      StepSeries series = stage.series();
      Position position = cursor.get(stage.plan().stage());
      boolean more = position != null && position.level() == series.level();
      List<Bucket> buckets = series.from(more ? position.firstStep() : 0);
      if (!buckets.isEmpty()) {
        json.put(stage.plan().stage(), series(series.level(), more, buckets));
      }
    }
    return json;
  }

  private static Map<String, Object> series(int level, boolean more, List<Bucket> buckets) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("level", level);
    json.put("more", more);
    json.put("first", buckets.stream().map(bucket -> bucket.firstStep).toList());
    json.put("last", buckets.stream().map(bucket -> bucket.lastStep).toList());
    json.put("loss", column(buckets, bucket -> bucket.loss.mean()));
    json.put("loss_min", column(buckets, bucket -> bucket.loss.min()));
    json.put("loss_max", column(buckets, bucket -> bucket.loss.max()));
    json.put("norm", column(buckets, bucket -> bucket.gradientNorm.mean()));
    json.put("norm_max", column(buckets, bucket -> bucket.gradientNorm.max()));
    json.put("rate", column(buckets, bucket -> bucket.learningRate));
    json.put("speed", column(buckets, bucket -> bucket.tokens / bucket.seconds));
    json.put("compute", column(buckets, bucket -> bucket.computeSeconds));
    json.put("wait", column(buckets, bucket -> bucket.waitSeconds));
    json.put("data", column(buckets, bucket -> bucket.dataSeconds));
    json.put("checkpoint", column(buckets, bucket -> bucket.checkpointSeconds));
    json.put("seconds", column(buckets, bucket -> bucket.seconds));
    json.put(
        "blocks",
        buckets.stream()
            .map(bucket -> bucket.blocks.stream().map(block -> rounded(block.mean())).toList())
            .toList());
    return json;
  }

  private static List<Double> column(List<Bucket> buckets, ToDoubleFunction<Bucket> value) {
    return buckets.stream().map(bucket -> rounded(value.applyAsDouble(bucket))).toList();
  }

  /** Five digits: more than a chart shows, in half the characters. */
  static double rounded(double value) {
    if (value == 0 || !Double.isFinite(value)) {
      return value;
    }
    double scale = Math.pow(10, 4 - Math.floor(Math.log10(Math.abs(value))));
    return Double.isFinite(scale) ? Math.round(value * scale) / scale : value;
  }

  private List<Map<String, Object>> ranks() {
    Collection<Ranks.Rank> all = view.ranks().all();
    Stream<Ranks.Rank> shown =
        all.size() <= MOST_RANKS
            ? all.stream()
            : all.stream()
                .sorted(
                    Comparator.comparingDouble(
                        rank -> -rank.computeSeconds() / Math.max(1, rank.recentSteps())))
                .limit(MOST_RANKS);
    return shown.map(this::rank).toList();
  }

  private Map<String, Object> rank(Ranks.Rank rank) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("rank", rank.last().rank());
    json.put("executor", rank.last().executor());
    json.put("address", rank.last().address());
    json.put("step", rank.last().step());
    json.put("tokens_per_second", rounded(rank.tokensPerSecond()));
    json.put("utilisation", rounded(rank.computeSeconds() / rank.seconds()));
    json.put("wait", rounded(rank.waitSeconds() / rank.seconds()));
    json.put("data", rounded(rank.dataSeconds() / rank.seconds()));
    json.put("checkpoint", rounded(rank.checkpointSeconds() / rank.seconds()));
    json.put("compute_seconds", rounded(rank.computeSeconds() / rank.recentSteps()));
    json.put("heard_seconds", Math.max(0, (now - rank.last().heard()) / 1000.0));
    json.put("straggler", rank.straggler());
    String prefix = "rank " + rank.last().rank() + " stalled";
    json.put("stalled", view.alarms().active().stream().anyMatch(a -> a.key().equals(prefix)));
    return json;
  }

  private static Map<String, Object> event(Happened event) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("time", event.time());
    json.put("kind", event.kind());
    json.put("sentence", event.sentence());
    json.put("lost_seconds", event.lostSeconds());
    return json;
  }

  private Map<String, Object> checkpoint(CheckpointMade checkpoint) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("time", checkpoint.time());
    json.put("stage", checkpoint.stage());
    json.put("step", checkpoint.step());
    json.put("bytes", checkpoint.bytes());
    json.put("location", checkpoint.location());
    return json;
  }
}
