package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.compare.ComparisonChoice;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The options by which teacher and student are compared anew. */
final class MeasureOptions {

  @Option(
      names = "--measure",
      required = true,
      description =
          "Load teacher and student in this process and compare them anew: attention maps with the"
              + " student's matrices, and what both write. The run keeps it in comparison.json. What"
              + " is not chosen by the options that follow is chosen by the comparison.")
  boolean measure;

  @Option(
      names = "--blocks",
      paramLabel = "N",
      split = ",",
      description = "Blocks whose matrices are shown, from 0, for example --blocks 0,3.")
  private List<Integer> blocks = List.of();

  @Option(
      names = "--heads",
      paramLabel = "N",
      split = ",",
      description = "Heads whose matrices are shown, from 0.")
  private List<Integer> heads = List.of();

  @ArgGroup private Text text;

  @Option(
      names = "--text-tokens",
      paramLabel = "N",
      defaultValue = "" + ComparisonChoice.TEXT_TOKENS,
      description = "Tokens of that text, at most, and so rows of a matrix (${DEFAULT-VALUE}).")
  private int textTokens;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "A beginning that both models continue. May be repeated.")
  private List<String> prompts = List.of();

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "" + ComparisonChoice.CONTINUATION_TOKENS,
      description = "Tokens that each model writes after each beginning (${DEFAULT-VALUE}).")
  private int maxTokens;

  /** The text of the matrices in one of the ways to give it. */
  private static final class Text {

    @Option(names = "--text", paramLabel = "TEXT", description = "The text the matrices are on.")
    private String text;

    @Option(
        names = "--text-file",
        paramLabel = "FILE",
        description = "A file in UTF-8 whose whole content is that text.")
    private Path file;

    String read() {
      if (file == null) {
        return text;
      }
      try {
        return Files.readString(file);
      } catch (CharacterCodingException e) {
        throw new DataException("The text file " + file + " is not in UTF-8; convert it.", e);
      } catch (IOException e) {
        throw new DataException(
            "The text file " + file + " cannot be read; check its path and permissions.", e);
      }
    }
  }

  /** What is to be compared. */
  ComparisonChoice choice() {
    return new ComparisonChoice(
        blocks, heads, text == null ? "" : text.read(), prompts, textTokens, maxTokens);
  }
}
