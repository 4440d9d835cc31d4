package io.sparkhawk.driver.cli;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.driver.config.EvaluateSettings;
import io.sparkhawk.driver.config.GenerateSettings;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine;

/** Puts the commands together and runs the one that the arguments name. */
final class CommandLines {

  private static final int HELP_WIDTH = 100;

  private final CommandLine top;
  private final Failures failures;

  /**
   * Makes the command line.
   *
   * @param jobs the work behind the commands
   * @param home the distribution's folder, if the program was started from one
   */
  CommandLines(Jobs jobs, Optional<Path> home, PrintWriter out, PrintWriter err) {
    SparkhawkCommand options = new SparkhawkCommand();
    failures = new Failures(options);
    CommandLine prepare = new CommandLine(new PrepareCommand(jobs));
    SettingOptions.addTo(prepare.getCommandSpec(), PrepareSettings.class);
    CommandLine evaluate = new CommandLine(new EvaluateCommand(jobs));
    SettingOptions.addTo(evaluate.getCommandSpec(), EvaluateSettings.class);
    CommandLine generate = new CommandLine(new GenerateCommand(jobs));
    SettingOptions.addTo(generate.getCommandSpec(), GenerateSettings.class);
    top =
        new CommandLine(options)
            .addSubcommand(new QuickstartCommand(jobs, home))
            .addSubcommand(prepare)
            .addSubcommand(new PlanCommand())
            .addSubcommand(new DistillCommand(jobs))
            .addSubcommand(evaluate)
            .addSubcommand(generate)
            .addSubcommand(new RetrainCommand(jobs))
            .addSubcommand(new RegistryCommand())
            .addSubcommand(submit(home))
            .addSubcommand(new ReportCommand(jobs))
            .addSubcommand(new HistoryCommand())
            .addSubcommand(new InspectCommand())
            .addSubcommand(new VerifyCommand())
            .addSubcommand(new BenchmarkCommand())
            .addSubcommand(new ReferenceCommand())
            .setOut(out)
            .setErr(err)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setExecutionStrategy(
                parsed -> {
                  DriverLog.use(options);
                  return new CommandLine.RunLast().execute(parsed);
                })
            .setExecutionExceptionHandler(failures)
            .setParameterExceptionHandler(failures)
            .setUsageHelpWidth(HELP_WIDTH);
    top.getSubcommands().values().forEach(CommandLines::inOrder);
  }

  /** What follows the name of another command is that command's. */
  private static CommandLine submit(Optional<Path> home) {
    return new CommandLine(new SubmitCommand(home)).setStopAtPositional(true);
  }

  /** The help shows a command's own options in the order in which they are declared. */
  private static void inOrder(CommandLine command) {
    command.getCommandSpec().usageMessage().sortOptions(false).abbreviateSynopsis(true);
  }

  /** Runs the command and returns the process's exit code. */
  int run(String... arguments) {
    try {
      return top.execute(arguments);
    } catch (Error e) {
      return failures.report(e, top.getErr());
    }
  }
}
