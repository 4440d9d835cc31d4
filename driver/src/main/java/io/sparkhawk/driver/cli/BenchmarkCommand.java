package io.sparkhawk.driver.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.SingleProcess;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.LocalDevice;
import io.sparkhawk.executor.tensor.Threads;
import io.sparkhawk.executor.train.AdamW;
import io.sparkhawk.executor.train.GradientType;
import io.sparkhawk.executor.train.MemoryPlan;
import io.sparkhawk.executor.train.ParallelSettings;
import io.sparkhawk.executor.train.PlannedMemory;
import io.sparkhawk.executor.train.StageBenchmark;
import io.sparkhawk.executor.train.Trajectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sparkhawk benchmark}: how fast devices of this host train, without data or Spark. */
@Command(
    name = "benchmark",
    description = {
      "Measure updates of one stage with random weights and tokens on one device or several of this"
          + " host: tokens per second, memory, and where the time goes.",
      ""
    },
    footer = {
      "",
      "Model FLOPs count the matrix products that a stage cannot do without, once.",
      "",
      "Examples:",
      "  sparkhawk benchmark --preset tiny",
      "  sparkhawk benchmark --preset phi-1.5 --stage distill --batch 8 --device gpu"
          + " --dtype bfloat16 --peak-tflops 989",
      "  sparkhawk benchmark --preset phi-1.5 --batch 8 --device gpu --dtype bfloat16 --workers 2"
    })
final class BenchmarkCommand implements Runnable {

  private static final AdamW.Hyperparameters OPTIMIZER =
      new AdamW.Hyperparameters(0.9, 0.95, 1e-8, 0.1);

  @Spec private CommandSpec spec;

  @Option(
      names = "--preset",
      paramLabel = "SIZES",
      defaultValue = "tiny",
      description = "Sizes of the teacher: tiny, phi-1.5 or phi-2. Default: tiny.")
  private String preset;

  @Option(
      names = "--stage",
      paramLabel = "STAGE",
      defaultValue = "distill",
      description = "matrix, hidden or distill. Default: distill.")
  private String stage;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "4",
      description = "Sequences of an update, on each device. Default: 4.")
  private int batch;

  @Option(
      names = "--length",
      paramLabel = "N",
      description = "Positions of a sequence. Default: all that the preset's teacher has.")
  private Optional<Integer> length = Optional.empty();

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "10",
      description = "Updates that are measured. Default: 10.")
  private int steps;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      defaultValue = "3",
      description = "Updates before them. Default: 3.")
  private int warmup;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "cpu",
      description = "cpu or gpu. Default: cpu.")
  private String device;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "float32",
      description = "What the models compute in: float32, bfloat16 or float64. Default: float32.")
  private String type;

  @Option(
      names = "--workers",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Processes that train together on this host, each on a GPU of its own or a share of the"
              + " cores. Default: 1.")
  private int workers;

  @Option(
      names = "--rank",
      hidden = true,
      description = "Which of the workers this is, as their parent says.")
  private Optional<Integer> rank = Optional.empty();

  @Option(
      names = "--recompute",
      description = "Compute blocks a second time in the backward pass of stage distill.")
  private boolean recompute;

  @Option(
      names = "--shard-optimizer",
      arity = "1",
      paramLabel = "true|false",
      description =
          "Whether each worker updates only a share of the weights. Default: true with NCCL.")
  private Optional<Boolean> shardOptimizer = Optional.empty();

  @Option(
      names = "--gradient-type",
      paramLabel = "TYPE",
      defaultValue = "float32",
      description =
          "What gradients are kept and summed in: float32 or, where the models compute in it and no"
              + " sum is taken in host memory, bfloat16. Default: float32.")
  private String gradientType;

  @Option(
      names = "--peak-tflops",
      paramLabel = "X",
      description = "What the device can do; with it, the model FLOP utilisation is shown.")
  private Optional<Double> peak = Optional.empty();

  @Option(names = "--json", paramLabel = "FILE", description = "Write the figures there too.")
  private Optional<Path> json = Optional.empty();

  @Override
  public void run() {
    if (workers < 1) {
      throw new ConfigurationException("--workers must be at least 1");
    }
    if (rank.isPresent()) {
      measureAsRank(rank.get());
    } else if (workers > 1) {
      settings(DeviceKind.CPU); // a wrong option is better told by one process than by many
      BenchmarkProcesses.run(workers, arguments(), spec.commandLine().getOut());
    } else {
      measure(settings(deviceKind()), SingleProcess.create());
    }
  }

  private void measureAsRank(int number) {
    LocalDevice.useGpu(number);
    if (deviceKind() == DeviceKind.CPU) {
      Threads.limit(Math.max(1, Runtime.getRuntime().availableProcessors() / workers));
    }
    try (Collective collective = BenchmarkPeers.join(number)) {
      measure(settings(deviceKind()), collective);
    }
  }

  /** All ranks measure; the first one tells. */
  private void measure(StageBenchmark.Settings settings, Collective collective) {
    StageBenchmark.Result result = StageBenchmark.run(settings, collective);
    if (collective.rank() == 0) {
      print(settings, result);
      json.ifPresent(file -> write(file, settings, result));
    }
  }

  private DeviceKind deviceKind() {
    return Choice.of("--device", device, DeviceKind.class);
  }

  /** This command line, for a process of its own; its rank is missing. */
  private List<String> arguments() {
    List<String> arguments = new ArrayList<>(List.of("benchmark", "--preset", preset));
    arguments.addAll(List.of("--stage", stage, "--device", device, "--dtype", type));
    arguments.addAll(
        List.of("--batch", "" + batch, "--steps", "" + steps, "--warmup", "" + warmup));
    arguments.addAll(List.of("--workers", "" + workers, "--gradient-type", gradientType));
    shardOptimizer.ifPresent(on -> arguments.addAll(List.of("--shard-optimizer", "" + on)));
    length.ifPresent(positions -> arguments.addAll(List.of("--length", "" + positions)));
    peak.ifPresent(tflops -> arguments.addAll(List.of("--peak-tflops", "" + tflops)));
    json.ifPresent(file -> arguments.addAll(List.of("--json", file.toString())));
    if (recompute) {
      arguments.add("--recompute");
    }
    return arguments;
  }

  private StageBenchmark.Settings settings(DeviceKind kind) {
    PhiConfig teacher = sizes();
    int positions = length.orElse(teacher.maxPositions());
    if (batch < 1 || steps < 1 || warmup < 0 || positions < 1) {
      throw new ConfigurationException(
          "--batch, --steps and --length must be at least 1, --warmup at least 0");
    }
    return new StageBenchmark.Settings(
        teacher,
        new StudentSettings(MixerKind.MAMBA2, false, 64, 4, 1, 128, List.of()),
        new Trajectory.Settings(
            Choice.of("--stage", stage, StageKind.class),
            HiddenTarget.MIXER,
            Choice.of("--stage", stage, StageKind.class) == StageKind.DISTILL
                ? TrainedParts.ALL
                : TrainedParts.MIXERS,
            recompute,
            OPTIMIZER,
            1),
        LocalDevice.of(kind),
        Choice.of("--dtype", type, ElementType.class),
        batch,
        positions,
        ParallelSettings.of(
            shardOptimizer, Choice.of("--gradient-type", gradientType, GradientType.class)),
        warmup,
        steps);
  }

  /** The public sizes of the Phi family; tiny is that of the bundled teacher, shorter. */
  private PhiConfig sizes() {
    return switch (preset) {
      case "tiny" -> new PhiConfig(256, 6, 8, 1024, 4096, 16, 10000, 1e-5, 256, false);
      case "phi-1.5" -> new PhiConfig(2048, 24, 32, 8192, 51200, 32, 10000, 1e-5, 2048, false);
      case "phi-2" -> new PhiConfig(2560, 32, 32, 10240, 51200, 32, 10000, 1e-5, 2048, false);
      default ->
          throw new ConfigurationException(
              "--preset is " + preset + ", expected one of tiny, phi-1.5, phi-2");
    };
  }

  private void print(StageBenchmark.Settings settings, StageBenchmark.Result result) {
    PrintWriter out = spec.commandLine().getOut();
    List<Double> seconds = result.stepSeconds();
    double tflops = result.modelFlops() * result.tokensPerSecond() / result.tokens() / 1e12;
    out.printf(
        Locale.ROOT,
        "%s, stage %s, %d sequences of %d, %s on %s%s, gradients in %s%n",
        preset,
        stage,
        settings.batch(),
        settings.length(),
        type,
        result.ranks() == 1 ? "" : result.ranks() + " x ",
        device,
        result.gradientType().name().toLowerCase(Locale.ROOT));
    out.printf(
        Locale.ROOT,
        "tokens/s       %,.0f (%,.0f to %,.0f in %d updates)%n",
        result.tokensPerSecond(),
        result.tokens() / seconds.get(seconds.size() - 1),
        result.tokens() / seconds.get(0),
        seconds.size());
    if (result.ranks() > 1) {
      out.printf(
          Locale.ROOT,
          "  of all       %,.0f; gradients are summed %s, %s%n"
              + "  waiting      %.2f ms of an update, nothing else to compute%n",
          result.ranks() * result.tokensPerSecond(),
          result.transport(),
          result.shards() > 1 ? "optimizer sharded" : "optimizer whole on each",
          1e3 * result.waitSeconds());
    }
    result
        .exchange()
        .ifPresent(
            alone ->
                out.printf(
                    Locale.ROOT,
                    "  exchange     %.1f ms alone for %.2f GB sent by each: %.1f GB/s%n",
                    1e3 * alone.seconds(),
                    alone.bytes() / 1e9,
                    alone.bytesPerSecond() / 1e9));
    out.printf(Locale.ROOT, "model TFLOP/s  %.1f", tflops);
    peak.ifPresent(p -> out.printf(Locale.ROOT, ", %.1f%% of %.0f", 100 * tflops / p, p));
    out.println();
    if (result.peakBytes() > 0) {
      out.printf(Locale.ROOT, "memory in use  %.1f GiB%n", gib(result.peakBytes()));
    }
    result.planned().ifPresent(planned -> print(out, planned));
    result
        .partSeconds()
        .forEach(
            (part, time) -> out.printf(Locale.ROOT, "  %-20s %8.1f ms alone%n", part, 1e3 * time));
    out.printf(Locale.ROOT, "loss           %.4f%n", result.loss());
    out.flush();
  }

  private static void write(ObjectNode root, PlannedMemory planned) {
    root.put("predicted_gib", gib(planned.plan().total()));
    ObjectNode parts = root.putObject("predicted_part_gib");
    planned.plan().bytes().forEach((part, bytes) -> parts.put(part.label(), gib(bytes)));
  }

  private static void print(PrintWriter out, PlannedMemory planned) {
    MemoryPlan plan = planned.plan();
    out.printf(
        Locale.ROOT,
        "predicted      %.1f GiB of %.1f%n",
        gib(plan.total()),
        gib(planned.available()));
    plan.bytes()
        .forEach(
            (part, bytes) ->
                out.printf(Locale.ROOT, "  %-22s %8.2f GiB%n", part.label(), gib(bytes)));
  }

  private static double gib(long bytes) {
    return bytes / (double) (1L << 30);
  }

  private void write(Path file, StageBenchmark.Settings settings, StageBenchmark.Result result) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode root = mapper.createObjectNode();
    root.put("preset", preset).put("stage", stage).put("batch", settings.batch());
    root.put("length", settings.length()).put("device", device).put("dtype", type);
    root.put("recompute", recompute).put("workers", result.ranks());
    root.put("tokens_per_second", result.tokensPerSecond());
    root.put("total_tokens_per_second", result.ranks() * result.tokensPerSecond());
    root.put("gradient_sum", result.transport()).put("wait_seconds", result.waitSeconds());
    root.put("gradient_type", result.gradientType().name().toLowerCase(Locale.ROOT));
    root.put("optimizer_shards", result.shards());
    result
        .exchange()
        .ifPresent(
            alone ->
                root.putObject("exchange_alone")
                    .put("sent_bytes", alone.bytes())
                    .put("seconds", alone.seconds()));
    result.stepSeconds().forEach(root.putArray("step_seconds")::add);
    root.put("model_flops_per_token", result.modelFlops() / result.tokens());
    root.put("peak_gib", gib(result.peakBytes())).put("loss", result.loss());
    result.planned().ifPresent(planned -> write(root, planned));
    ObjectNode parts = root.putObject("part_seconds");
    result.partSeconds().forEach(parts::put);
    try {
      Files.writeString(
          file, mapper.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n");
    } catch (IOException e) {
      throw new InfrastructureException("cannot write " + file + ": " + e.getMessage(), e);
    }
  }
}
