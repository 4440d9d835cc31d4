package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.LocalDevice;
import io.sparkhawk.executor.verify.Comparison;
import io.sparkhawk.executor.verify.ParityCheck;
import io.sparkhawk.executor.verify.ParityReport;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sparkhawk verify}: this host's numbers against a reference's. */
@Command(
    name = "verify",
    description = {
      "Compare what this host computes with the vectors of a reference implementation: models,"
          + " losses, gradients and training steps, by the code that trains. Takes seconds; run it"
          + " before training on a new host.",
      "",
      "Prints a row for each quantity: name, shape, relative error ||ours - reference|| /"
          + " ||reference||, largest difference of one element over the largest element, tolerance,"
          + " and ok or FAILS; then the rows that fail again, and what could not be compared.",
      ""
    },
    footer = {
      "",
      "Exit codes: 0 everything agrees; 2 a wrong option; 3 a quantity differs, or the case cannot"
          + " be read.",
      "",
      "Examples:",
      "  sparkhawk verify cases/hybrid",
      "  sparkhawk verify cases/hybrid --dtype float32 --device gpu",
      "",
      "Cases of any size are made by reference/make_case.py, which needs Python and PyTorch."
    })
final class VerifyCommand implements Runnable {

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "CASE",
      description =
          "Folder with teacher/, student/, expected.safetensors and expected.json of the"
              + " reference.")
  private Path folder;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "float64",
      description = "What to compute in: float64, float32 or bfloat16. Default: float64.")
  private String type;

  @Option(
      names = "--tolerance",
      paramLabel = "X",
      description =
          "Largest relative error that passes, for every quantity. Default: 1e-6 in float64; 1e-4"
              + " in float32, 1e-3 after training steps; in bfloat16 by how much each quantity moves"
              + " when the weights are rounded (docs/mathematics.md).")
  private Optional<Double> tolerance = Optional.empty();

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "cpu",
      description = "What to compute on: cpu or gpu. Default: cpu.")
  private String device;

  @Override
  public void run() {
    ElementType elementType = Choice.of("--dtype", type, ElementType.class);
    DeviceKind kind = Choice.of("--device", device, DeviceKind.class);
    if (tolerance.isPresent() && !(tolerance.get() >= 0)) {
      throw new ConfigurationException(
          "--tolerance is " + tolerance.get() + ", expected a number of at least 0");
    }
    ParityReport report = ParityCheck.run(folder, LocalDevice.of(kind), elementType, limit());
    print(report);
    refuseFailures(report);
  }

  private OptionalDouble limit() {
    return tolerance.map(OptionalDouble::of).orElse(OptionalDouble.empty());
  }

  private void print(ParityReport report) {
    PrintWriter out = spec.commandLine().getOut();
    int width = report.comparisons().stream().mapToInt(c -> c.quantity().length()).max().orElse(8);
    String head = "%-" + width + "s  %-18s  %9s  %9s  %9s%n";
    out.printf(head, "quantity", "shape", "relative", "largest", "tolerance");
    report.comparisons().forEach(comparison -> out.print(row(comparison, width)));
    report.notCompared().forEach(what -> out.println("not compared: " + what));
    List<Comparison> failures = report.failures();
    if (!failures.isEmpty()) {
      out.printf("%nwhat differs:%n");
      failures.forEach(comparison -> out.print(row(comparison, width)));
    }
    out.printf(
        "%d of %d quantities agree in %s on %s, %d not compared%n",
        report.comparisons().size() - failures.size(),
        report.comparisons().size(),
        type,
        device,
        report.notCompared().size());
    out.flush();
  }

  private static String row(Comparison c, int width) {
    return String.format(
        Locale.ROOT,
        "%-" + width + "s  %-18s  %9.1e  %9.1e  %9.1e  %s%n",
        c.quantity(),
        c.shape(),
        c.relativeError(),
        c.largestError(),
        c.tolerance(),
        c.passes() ? "ok" : "FAILS");
  }

  private void refuseFailures(ParityReport report) {
    List<Comparison> failures = report.failures();
    if (report.comparisons().isEmpty()) {
      throw new DataException("the case " + folder + " holds nothing to compare");
    }
    if (!failures.isEmpty()) {
      throw new DataException(
          String.format(
              "%d of %d quantities of the case %s differ from the reference by more than the"
                  + " tolerance, the first is %s",
              failures.size(), report.comparisons().size(), folder, failures.get(0).quantity()));
    }
  }
}
