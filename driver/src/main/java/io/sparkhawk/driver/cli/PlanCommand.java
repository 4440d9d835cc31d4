package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.Problems;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.plan.Gpu;
import io.sparkhawk.driver.plan.PlanText;
import io.sparkhawk.driver.plan.Planner;
import io.sparkhawk.driver.plan.RowLength;
import io.sparkhawk.driver.plan.RunPlan;
import io.sparkhawk.driver.progress.JsonFormat;
import io.sparkhawk.driver.run.RunSizes;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sparkhawk plan}: what a run on GPUs will need and cost, before anything is started. */
@Command(
    name = "plan",
    description = {
      "Say what a run on GPUs will need and cost: parameters, steps, memory, speed, hours, traffic,"
          + " storage and price, and how it scales to 512 GPUs.",
      "",
      "Nothing is started and no weights are read: of the teacher config.json is enough, and the"
          + " data set need not be there.",
      ""
    },
    footer = {
      "",
      "docs/planning.md has the formulas, and how they compare with measurements.",
      "",
      "Examples:",
      "  sparkhawk plan --config run.yaml --gpus 8",
      "  sparkhawk plan --config run.yaml --gpus 4 --gpu l40s --utilisation 0.35"
          + " --price-per-gpu-hour 1.2 --json plan.json"
    })
final class PlanCommand implements Runnable {

  @Spec private CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      required = true,
      description = "The run's YAML file.")
  private Path config;

  @Option(
      names = "--gpus",
      paramLabel = "N",
      description = "How many GPUs train together. Default: the configuration's workers.")
  private String gpus;

  @Option(
      names = "--gpu",
      paramLabel = "KIND",
      defaultValue = "h100",
      description = "h100, h200, a100, a100-40gb, l40s or l4. Default: h100.")
  private String gpu;

  @Option(
      names = "--utilisation",
      paramLabel = "U",
      description =
          "Model FLOP utilisation of the passes on one GPU to reckon with, from 0 to 1. Default:"
              + " what was measured.")
  private String utilisation;

  @Option(
      names = "--price-per-gpu-hour",
      paramLabel = "X",
      description = "Price of an hour of one GPU, in any currency.")
  private String price;

  @Option(
      names = "--seq-len",
      paramLabel = "N",
      description =
          "Tokens of a sequence. Default: those of the data set, or else of the teacher's longest.")
  private String length;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Replace one setting of the configuration. May be repeated.")
  private List<String> assignments = List.of();

  @Option(
      names = "--stages",
      paramLabel = "STAGE",
      split = ",",
      converter = StageChoice.class,
      description = "Plan only these stages: matrix, hidden, distill.")
  private List<StageKind> stages = List.of();

  @Option(names = "--json", paramLabel = "FILE", description = "Write the plan there too.")
  private Optional<Path> json = Optional.empty();

  @Override
  public void run() {
    Problems problems = Problems.in("The command line");
    Optional<Gpu> kind = Gpu.named(gpu);
    if (kind.isEmpty()) {
      String names = Arrays.stream(Gpu.values()).map(Gpu::id).collect(Collectors.joining(", "));
      problems.add("--gpu", gpu, "expected one of " + names + ".");
    }
    OptionalDouble used = number("--utilisation", utilisation, 1, problems);
    OptionalDouble each = number("--price-per-gpu-hour", price, Double.MAX_VALUE, problems);
    OptionalDouble positions = number("--seq-len", length, 1 << 24, problems);
    RunConfig run = read(problems);

    PhiConfig teacher = RunSizes.teacher(run);
    RowLength rows =
        positions.isPresent()
            ? new RowLength((int) positions.getAsDouble(), "as given")
            : RunSizes.rowLength(run, teacher);
    Problems unfit = Problems.in("run " + run.run());
    run.checkFit(rows.tokens(), teacher.blocks(), teacher.maxPositions(), unfit);
    unfit.throwIfAny();
    RunPlan plan =
        Planner.plan(run, teacher, rows, new RunPlan.Assumptions(kind.orElseThrow(), used, each));
    print(plan);
    json.ifPresent(file -> write(file, plan));
  }

  /** Reads the configuration; what is wrong with it is told together with the given problems. */
  private RunConfig read(Problems ofOptions) {
    ConfigReader reader = ConfigReader.ofFile(config);
    assignments.forEach(reader::set);
    if (gpus != null) {
      reader.put("workers", gpus, "--gpus");
    }
    String before = "";
    Optional<RunConfig> run = Optional.empty();
    try {
      RunConfig whole = reader.read(RunConfig.class, PlanCommand::check);
      run = Optional.of(stages.isEmpty() ? whole : whole.withStages(stages));
    } catch (ConfigurationException e) {
      before = e.getMessage();
    }
    if (ofOptions.isEmpty() && run.isPresent()) {
      return run.get();
    }
    try {
      ofOptions.throwIfAny();
    } catch (ConfigurationException e) {
      before = before.isEmpty() ? e.getMessage() : before + "\n" + e.getMessage();
    }
    throw new ConfigurationException(before);
  }

  private static void check(RunConfig run, Problems problems) {
    run.check(problems);
    ElementType type = run.elementType().orElse(ElementType.BFLOAT16);
    if (type != ElementType.BFLOAT16) {
      problems.add(
          "element-type",
          type.name().toLowerCase(Locale.ROOT),
          "GPUs are planned for in bfloat16 only; add --set element-type=bfloat16.");
    }
  }

  private static OptionalDouble number(String option, String text, double most, Problems problems) {
    if (text == null) {
      return OptionalDouble.empty();
    }
    try {
      double value = Double.parseDouble(text);
      if (value > 0 && value <= most) {
        return OptionalDouble.of(value);
      }
    } catch (NumberFormatException e) {
      // told below
    }
    String range = most == Double.MAX_VALUE ? "above 0" : "above 0 and at most " + (long) most;
    problems.add(option, text, "expected a number " + range + ".");
    return OptionalDouble.empty();
  }

  private void print(RunPlan plan) {
    PrintWriter out = spec.commandLine().getOut();
    PlanText.of(plan).forEach(out::println);
    out.flush();
  }

  private static void write(Path file, RunPlan plan) {
    try {
      Files.writeString(file, JsonFormat.pretty(plan));
    } catch (IOException e) {
      throw new InfrastructureException("cannot write " + file + ": " + e.getMessage(), e);
    }
  }
}
