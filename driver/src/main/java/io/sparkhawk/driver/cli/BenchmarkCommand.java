package io.sparkhawk.driver.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.model.MixerKind;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentSettings;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.LocalDevice;
import io.sparkhawk.executor.train.AdamW;
import io.sparkhawk.executor.train.MemoryPlan;
import io.sparkhawk.executor.train.PlannedMemory;
import io.sparkhawk.executor.train.StageBenchmark;
import io.sparkhawk.executor.train.Trajectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sparkhawk benchmark}: how fast one device trains, without data, files or Spark. */
@Command(
    name = "benchmark",
    description = {
      "Measure updates of one stage with random weights and tokens on one device: tokens per second,"
          + " memory, and where the time goes.",
      ""
    },
    footer = {
      "",
      "Model FLOPs count the matrix products that a stage cannot do without, once.",
      "",
      "Examples:",
      "  sparkhawk benchmark --preset tiny",
      "  sparkhawk benchmark --preset phi-1.5 --stage distill --batch 8 --device gpu"
          + " --dtype bfloat16 --peak-tflops 989"
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
      description = "Sequences of an update. Default: 4.")
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
      names = "--recompute",
      description = "Compute blocks a second time in the backward pass of stage distill.")
  private boolean recompute;

  @Option(
      names = "--peak-tflops",
      paramLabel = "X",
      description = "What the device can do; with it, the model FLOP utilisation is shown.")
  private Optional<Double> peak = Optional.empty();

  @Option(names = "--json", paramLabel = "FILE", description = "Write the figures there too.")
  private Optional<Path> json = Optional.empty();

  @Override
  public void run() {
    StageBenchmark.Settings settings = settings();
    StageBenchmark.Result result = StageBenchmark.run(settings);
    print(settings, result);
    json.ifPresent(file -> write(file, settings, result));
  }

  private StageBenchmark.Settings settings() {
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
        LocalDevice.of(Choice.of("--device", device, DeviceKind.class)),
        Choice.of("--dtype", type, ElementType.class),
        batch,
        positions,
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
        "%s, stage %s, %d sequences of %d, %s on %s%n",
        preset,
        stage,
        settings.batch(),
        settings.length(),
        type,
        device);
    out.printf(
        Locale.ROOT,
        "tokens/s       %,.0f (%,.0f to %,.0f in %d updates)%n",
        result.tokensPerSecond(),
        result.tokens() / seconds.get(seconds.size() - 1),
        result.tokens() / seconds.get(0),
        seconds.size());
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
    root.put("recompute", recompute);
    root.put("tokens_per_second", result.tokensPerSecond());
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
