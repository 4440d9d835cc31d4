package io.sparkhawk.driver.plan;

import io.sparkhawk.driver.plan.RunPlan.Checkpoints;
import io.sparkhawk.driver.plan.RunPlan.Exchange;
import io.sparkhawk.driver.plan.RunPlan.Memory;
import io.sparkhawk.driver.plan.RunPlan.Scaling;
import io.sparkhawk.driver.plan.RunPlan.Speed;
import io.sparkhawk.driver.plan.RunPlan.StagePlan;
import io.sparkhawk.driver.progress.Figures;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A plan for people, line by line. */
public final class PlanText {

  private static final double GIB = 1L << 30;
  private static final double GB = 1e9;

  private final List<String> lines = new ArrayList<>();

  private PlanText() {}

  /** The lines of a plan. */
  public static List<String> of(RunPlan plan) {
    PlanText text = new PlanText();
    text.head(plan);
    plan.stages().forEach(stage -> text.stage(stage, plan));
    text.total(plan);
    return List.copyOf(text.lines);
  }

  private void line(String format, Object... values) {
    lines.add(String.format(Locale.ROOT, format, values).stripTrailing());
  }

  private void row(String label, String format, Object... values) {
    line("  %-14s %s", label, String.format(Locale.ROOT, format, values));
  }

  private void head(RunPlan plan) {
    line(
        "Run %s on %d x %s in %s, sequences of %s tokens (%s)",
        plan.run(),
        plan.gpus(),
        plan.gpu(),
        plan.elementType(),
        Figures.count(plan.sequenceLength()),
        plan.lengthFrom());
    line(
        "Teacher %s parameters, all frozen; student %s",
        Figures.count(plan.teacherParameters()), Figures.count(plan.studentParameters()));
  }

  private void stage(StagePlan stage, RunPlan plan) {
    line("");
    line("Stage %s", stage.stage());
    row(
        "parameters",
        "%s trained, %s frozen",
        Figures.count(stage.trainedParameters()),
        Figures.count(stage.frozenParameters()));
    row(
        "steps",
        "%s of %s tokens, %s in all; %d sequences on each GPU, %d at once",
        Figures.count(stage.steps()),
        Figures.count(stage.batchTokens()),
        Figures.shortCount((double) stage.tokens()),
        stage.sequencesPerGpu(),
        stage.microBatch());
    memory(stage.memory());
    speed(stage);
    exchange(stage.exchange(), plan.gpus());
    checkpoints(stage.checkpoints());
    scaling(stage.scaling());
  }

  private void memory(Memory memory) {
    row(
        "memory",
        "%.1f GiB of %.1f: %s",
        memory.total() / GIB,
        memory.available() / GIB,
        memory.fits() ? "fits" : "DOES NOT FIT; " + memory.advice());
    memory.parts().forEach((part, bytes) -> row("", "%-22s %6.2f GiB", part, bytes / GIB));
  }

  private void speed(StagePlan stage) {
    Speed speed = stage.speed();
    row(
        "work",
        "%.2f GFLOP a token, %s FLOP in all",
        stage.flopsPerToken() / 1e9,
        Figures.scientific(stage.flopsPerToken() * stage.tokens()));
    row(
        "speed",
        "%s tokens/s, %.0f%% model FLOP utilisation; one GPU alone %s (%s)",
        Figures.count(Math.round(speed.tokensPerSecond())),
        100 * speed.utilisation(),
        Figures.count(Math.round(speed.oneGpuTokensPerSecond())),
        speed.source());
    row(
        "time",
        "%.2f hours, %.1f ms an update, of which %.1f ms wait for the exchange%s",
        stage.hours(),
        1e3 * speed.stepSeconds(),
        1e3 * speed.exposedSeconds(),
        price(stage.price()));
  }

  private static String price(Double price) {
    return price == null ? "" : String.format(Locale.ROOT, "; price %,.2f", price);
  }

  private void exchange(Exchange exchange, int gpus) {
    if (gpus == 1) {
      return;
    }
    row(
        "exchange",
        exchange.sharded()
            ? "each GPU sends %.2f GB of gradients (reduce-scatter) and %.2f GB of weights"
                + " (all-gather)"
            : "each GPU sends %.2f GB of gradients (all-reduce)",
        exchange.gradientBytes() / GB,
        exchange.weightBytes() / GB);
    List<String> times = new ArrayList<>();
    exchange
        .seconds()
        .forEach(
            (link, seconds) ->
                times.add(String.format(Locale.ROOT, "%.1f ms by %s", 1e3 * seconds, link)));
    row("", "%s, if nothing else were done", String.join(", ", times));
  }

  private void checkpoints(Checkpoints checkpoints) {
    row(
        "checkpoints",
        "%s of %.2f GB, %s kept",
        Figures.count(checkpoints.count()),
        checkpoints.bytes() / GB,
        Figures.count(checkpoints.kept()));
  }

  private void scaling(List<Scaling> rows) {
    line("");
    line("  GPUs  link     same batch on each GPU    the run's own batch      hides   95%% at");
    line("                 tokens/s    efficiency    tokens/s  efficiency");
    for (Scaling row : rows) {
      line(
          "  %4d  %-7s %10s  %11s  %11s  %10s  %7s  %7s",
          row.gpus(),
          row.link(),
          Figures.count(Math.round(row.tokensPerSecond())),
          percent(row.efficiency()),
          row.sameBatchTokensPerSecond() == null
              ? "-"
              : Figures.count(Math.round(row.sameBatchTokensPerSecond())),
          percent(row.sameBatchEfficiency()),
          orDash(row.hidesFromSequences()),
          orDash(row.nearlyAllFromSequences()));
    }
  }

  private static String percent(Double share) {
    return share == null ? "-" : String.format(Locale.ROOT, "%.1f%%", 100 * share);
  }

  private static String orDash(Integer number) {
    return number == null ? "-" : number.toString();
  }

  private void total(RunPlan plan) {
    line("");
    line("All stages: %.2f hours of training%s", plan.hours(), price(plan.price()));
    line(
        "Storage: at most %.1f GB of checkpoints and student; the student %.2f GB",
        plan.storageBytes() / GB, plan.studentBytes() / GB);
    line("");
    line(
        "hides: sequences of a pass on each GPU, behind which the exchange hides;"
            + " 95%% at: sequences of an update");
    line("on each GPU with which efficiency is 95%%. More than 8 GPUs are hosts of 8.");
    line("measured: this stage was measured with this micro-batch on one GPU; interpolated:");
    line("with others; given: from --utilisation; assumed: from the utilisation with other sizes.");
  }
}
