package io.sparkhawk.driver.cli;

import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.EvaluateSettings;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code sparkhawk evaluate}: perplexity and task accuracy of one model or of two. */
@Command(
    name = "evaluate",
    description = {
      "Measure a teacher or a student, or both side by side: the perplexity on the held-out rows of"
          + " a data set, and the accuracy on tasks in files of JSON lines.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  sparkhawk evaluate --model runs/my-student/student --data data",
      "  sparkhawk evaluate --model phi-1_5 --data data --tokens 20K --workers 1",
      "  sparkhawk evaluate --model phi-1_5 --compare runs/my-student/student --tasks tasks/*.jsonl"
    })
final class EvaluateCommand implements Runnable {

  private final Jobs jobs;

  @Spec private CommandSpec spec;

  EvaluateCommand(Jobs jobs) {
    this.jobs = jobs;
  }

  @Override
  public void run() {
    ConfigReader reader = ConfigReader.ofDefaults("evaluate");
    jobs.evaluate(
        SettingOptions.given(spec, EvaluateSettings.class, reader).read(EvaluateSettings.class));
  }
}
