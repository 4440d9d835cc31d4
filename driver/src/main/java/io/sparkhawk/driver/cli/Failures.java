package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.logging.LogFormat;
import java.io.PrintWriter;
import org.apache.hadoop.fs.FSError;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Turns every failure into a sentence on standard error and an exit code; where in the program it
 * happened is printed only if asked for.
 */
final class Failures implements IExecutionExceptionHandler, IParameterExceptionHandler {

  /** A failure that nobody foresaw: like every unknown state, a person should look at it. */
  private static final int UNFORESEEN = 5;

  private static final int CONFIGURATION = 2;

  private static final Logger LOG = LoggerFactory.getLogger(Failures.class);

  private final SparkhawkCommand options;

  Failures(SparkhawkCommand options) {
    this.options = options;
  }

  @Override
  public int handleParseException(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("sparkhawk: " + e.getMessage());
    UnmatchedArgumentException.printSuggestions(e, err);
    err.println("'" + command.getCommandSpec().qualifiedName() + " --help' shows what there is.");
    return CONFIGURATION;
  }

  @Override
  public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
    return report(e, command.getErr());
  }

  /** Tells the failure and returns the process's exit code. */
  int report(Throwable thrown, PrintWriter err) {
    Throwable failure = thrown instanceof FSError disk ? Storage.diskFailure(disk) : thrown;
    if (LogFormat.current() == LogFormat.JSON) {
      LOG.error("{}", sentence(failure), options.stacktrace ? failure : null);
    } else {
      print(failure, err);
    }
    return failure instanceof SparkhawkException explained ? explained.exitCode() : UNFORESEEN;
  }

  private void print(Throwable failure, PrintWriter err) {
    err.println("sparkhawk: " + sentence(failure));
    if (options.stacktrace) {
      failure.printStackTrace(err);
    }
    err.flush();
  }

  private String sentence(Throwable failure) {
    return failure instanceof SparkhawkException explained
        ? explained.getMessage()
        : "An unforeseen failure, "
            + failure
            + (options.stacktrace ? "" : "; run it again with --stacktrace to see where");
  }
}
