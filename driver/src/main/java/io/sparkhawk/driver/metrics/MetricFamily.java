package io.sparkhawk.driver.metrics;

import java.util.List;
import java.util.Locale;

/**
 * A metric of a run: its name by the conventions of Prometheus, with the unit in it, and what it
 * means. All series are of the driver's process and begin with it.
 */
public enum MetricFamily {
  BUILD_INFO(
      Type.GAUGE, "build_info", "Always 1; the version of the program is a label.", "version"),
  WORKERS(Type.GAUGE, "workers", "Workers that train together now.", "run"),
  WORKERS_WANTED(Type.GAUGE, "workers_wanted", "Workers that the run asks for.", "run"),
  TRAINING(
      Type.GAUGE,
      "training",
      "1 while the stage is trained, restarts included, and 0 afterwards.",
      "run",
      "stage"),
  STAGE_STEPS(Type.GAUGE, "stage_steps", "Steps that the stage makes in all.", "run", "stage"),
  STEP(
      Type.GAUGE,
      "step",
      "The newest step of the stage; a restart sets it back to its checkpoint.",
      "run",
      "stage"),
  STEPS(
      Type.COUNTER,
      "steps_total",
      "Steps made, those that a restart makes again included.",
      "run",
      "stage"),
  TOKENS(
      Type.COUNTER,
      "tokens_total",
      "Tokens trained on, those that a restart trains on again included.",
      "run",
      "stage"),
  SKIPPED_STEPS(
      Type.COUNTER,
      "skipped_steps_total",
      "Steps whose update was left out because loss or gradient was not finite.",
      "run",
      "stage"),
  LOSS(
      Type.GAUGE,
      "loss",
      "Mean loss of the newest step's global batch, as the stage defines it.",
      "run",
      "stage"),
  GRADIENT_NORM(
      Type.GAUGE,
      "gradient_norm",
      "Norm of the newest step's gradient before clipping.",
      "run",
      "stage"),
  LEARNING_RATE(Type.GAUGE, "learning_rate", "Learning rate of the newest update.", "run", "stage"),
  LAST_STEP(
      Type.GAUGE,
      "last_step_timestamp_seconds",
      "When the newest step was made, or training began, as Unix time.",
      "run",
      "stage"),
  STEP_SECONDS(
      Type.COUNTER, "step_seconds_total", "Time of all steps of the rank.", "run", "stage", "rank"),
  COMPUTE_SECONDS(
      Type.COUNTER,
      "compute_seconds_total",
      "Of it, forward and backward passes.",
      "run",
      "stage",
      "rank"),
  WAIT_SECONDS(
      Type.COUNTER,
      "wait_seconds_total",
      "Of it, waiting for the other ranks' gradients.",
      "run",
      "stage",
      "rank"),
  DATA_SECONDS(
      Type.COUNTER, "data_seconds_total", "Of it, waiting for samples.", "run", "stage", "rank"),
  STALL_SECONDS(
      Type.COUNTER,
      "checkpoint_stall_seconds_total",
      "Of it, standing still for checkpoints.",
      "run",
      "stage",
      "rank"),
  LAST_HEARTBEAT(
      Type.GAUGE,
      "last_heartbeat_timestamp_seconds",
      "When the driver heard of the rank last, as Unix time.",
      "run",
      "rank"),
  CHECKPOINTS(Type.COUNTER, "checkpoints_total", "Checkpoints published.", "run", "stage"),
  CHECKPOINT_BYTES(
      Type.GAUGE, "checkpoint_bytes", "Size of the newest checkpoint.", "run", "stage"),
  LAST_CHECKPOINT(
      Type.GAUGE,
      "last_checkpoint_timestamp_seconds",
      "When the newest checkpoint was published, or the stage began, as Unix time.",
      "run",
      "stage"),
  RESTARTS(
      Type.COUNTER, "restarts_total", "How often work was started again after a failure.", "run"),
  LOST_SECONDS(
      Type.COUNTER, "lost_seconds_total", "Training time that restarts threw away.", "run"),
  STRAGGLERS(
      Type.GAUGE, "stragglers", "Ranks that are slower than the others and make them wait.", "run"),
  PERPLEXITY(
      Type.GAUGE,
      "held_out_perplexity",
      "Perplexity on held-out rows: the teacher's, and the student's after its newest stage.",
      "run",
      "model");

  /** The two types that are used, as Prometheus names them. */
  public enum Type {
    COUNTER,
    GAUGE;

    /** The name in the exposition format. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final String PREFIX = "sparkhawk_";

  private final Type type;
  private final String metric;
  private final String help;

  /** Names, separated by commas. */
  private final String labels;

  MetricFamily(Type type, String metric, String help, String... labels) {
    this.type = type;
    this.metric = PREFIX + metric;
    this.help = help;
    this.labels = String.join(",", labels);
  }

  /** Whether it only grows. */
  public Type type() {
    return type;
  }

  /** Its name. */
  public String metric() {
    return metric;
  }

  /** Its meaning, a sentence. */
  public String help() {
    return help;
  }

  /** Names of its labels, in order. */
  public List<String> labels() {
    return List.of(labels.split(","));
  }

  /**
   * A series of the family, as the exposition format writes it.
   *
   * @param values values of the labels, in order
   */
  String series(String... values) {
    List<String> names = labels();
    if (values.length != names.size()) {
      throw new IllegalArgumentException(metric + " has the labels " + labels);
    }
    StringBuilder series = new StringBuilder(metric).append('{');
    for (int i = 0; i < values.length; i++) {
      series.append(i == 0 ? "" : ",").append(names.get(i)).append("=\"");
      series.append(escaped(values[i])).append('"');
    }
    return series.append('}').toString();
  }

  private static String escaped(String value) {
    return value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }
}
