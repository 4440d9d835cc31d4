package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.GenerateSettings;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sparkhawk generate}: the continuation of a prompt. */
@Command(
    name = "generate",
    description = {
      "Continue a prompt with a teacher or a student, in this process.",
      "",
      "Standard output gets the continuation, without the prompt, as it comes; standard error gets"
          + " the speed and the seed at the end. A student without attention blocks takes the same"
          + " memory for a text of any length.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  sparkhawk generate --model runs/my-student/student --prompt 'A transaction is'",
      "  sparkhawk generate --model phi-1_5 --prompt-file question.txt --temperature 0",
      "  sparkhawk generate --model phi-1_5 --prompt 'def fibonacci(n):' --seed 1 --max-tokens 2K"
    })
final class GenerateCommand implements Runnable {

  private final Jobs jobs;

  @Spec private CommandSpec spec;

  @ArgGroup(multiplicity = "1")
  private Prompt prompt;

  GenerateCommand(Jobs jobs) {
    this.jobs = jobs;
  }

  /** The prompt in one of the ways to give it. */
  private static final class Prompt {

    @Option(
        names = "--prompt",
        paramLabel = "TEXT",
        description = "The text to continue; an empty one begins a new document.")
    private String text;

    @Option(
        names = "--prompt-file",
        paramLabel = "FILE",
        description = "A file in UTF-8 whose whole content is the text to continue.")
    private Path file;

    String read() {
      if (file == null) {
        return text;
      }
      try {
        return Files.readString(file);
      } catch (CharacterCodingException e) {
        throw new DataException("The prompt file " + file + " is not in UTF-8; convert it.", e);
      } catch (IOException e) {
        throw new DataException(
            "The prompt file " + file + " cannot be read; check its path and permissions.", e);
      }
    }
  }

  @Override
  public void run() {
    ConfigReader reader = ConfigReader.ofDefaults("generate");
    GenerateSettings settings =
        SettingOptions.given(spec, GenerateSettings.class, reader).read(GenerateSettings.class);
    jobs.generate(settings, prompt.read());
  }
}
