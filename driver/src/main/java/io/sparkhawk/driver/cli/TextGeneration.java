package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.executor.generate.GenerationPlan;
import io.sparkhawk.executor.generate.GenerationResult;
import io.sparkhawk.executor.generate.GenerationTask;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Writes a generated text to one stream as it comes, and how it went to another one. */
final class TextGeneration {

  private final PrintStream out;
  private final PrintStream err;

  TextGeneration(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  void run(GenerationPlan plan) {
    GenerationResult result = GenerationTask.run(plan, Plans.hadoopConfiguration(), this::write);
    write(System.lineSeparator());
    err.println();
    err.println("Prompt: " + speed(result.promptTokens(), result.prefillSeconds()));
    err.println(
        "Decoding: "
            + speed(result.steps(), result.decodingSeconds())
            + ", state of "
            + Figures.shortCount((double) result.stateBytes())
            + " bytes");
    err.println(end(plan, result));
    err.flush();
  }

  /** The text is UTF-8 whatever the terminal's settings are, as the prompt file is. */
  private void write(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.write(bytes, 0, bytes.length);
    out.flush();
    if (out.checkError()) {
      throw new InfrastructureException("Standard output is closed; the text has nowhere to go.");
    }
  }

  private static String speed(int tokens, double seconds) {
    return Figures.count(tokens)
        + " tokens in "
        + Figures.duration(seconds)
        + (tokens == 0 ? "" : ", " + Figures.shortCount(tokens / seconds) + " tokens/s");
  }

  private static String end(GenerationPlan plan, GenerationResult result) {
    String reason =
        switch (result.stop()) {
          case END_OF_TEXT -> "the text has ended";
          case MAX_TOKENS -> "max-tokens is reached";
          case LONGEST_SEQUENCE -> "the attention takes no longer sequence";
        };
    String seed = plan.sampling().temperature() == 0 ? "" : "; seed " + plan.sampling().seed();
    return "Stopped after " + Figures.count(result.generatedTokens()) + " tokens: " + reason + seed;
  }
}
