package io.sparkhawk.driver.retrain;

import java.util.List;

/**
 * A round for people and programs: what was new, what it cost, why its student was promoted or not.
 *
 * @param model name of the model
 * @param partitions what was new
 * @param bytes of the new files, as stored
 * @param documents of the new files
 * @param data what was trained on
 * @param stages names of the stages that were trained
 * @param trained what the training came to
 * @param comparison the models side by side
 * @param gates the conditions
 * @param outcome what was decided
 * @param workerHours training time times workers
 * @param sessionSeconds time of the start of the program that ended the round
 * @param at when it ended, in ISO 8601
 */
public record RoundSummary(
    String model,
    Round round,
    List<String> partitions,
    long bytes,
    long documents,
    RoundData data,
    List<String> stages,
    Trained trained,
    Comparison comparison,
    List<Gate> gates,
    Outcome outcome,
    double workerHours,
    double sessionSeconds,
    String at) {

  /** Name of the summary in the round's folder. */
  public static final String FILE_NAME = "summary.json";

  public RoundSummary {
    partitions = List.copyOf(partitions);
    stages = List.copyOf(stages);
    gates = List.copyOf(gates);
  }

  /** What was decided, in a sentence. */
  public String verdict() {
    return outcome.promoted()
        ? "Promoted as version " + outcome.version() + "."
        : "Not promoted: " + String.join("; ", outcome.reasons()) + ".";
  }
}
