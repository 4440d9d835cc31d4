package io.sparkhawk.executor.generate;

/**
 * How the next token is chosen.
 *
 * @param temperature the logits are divided by it; 0 takes the most likely token
 * @param topP only the most likely tokens that together have this probability are drawn from, at
 *     least one; from 0 to 1
 * @param repetitionPenalty above 0; above 1 it makes tokens less likely that are in the text
 *     already, 1 changes nothing
 * @param seed of the draws
 */
public record SamplingSettings(
    double temperature, double topP, double repetitionPenalty, long seed) {

  public SamplingSettings {
    if (!(temperature >= 0 && topP >= 0 && topP <= 1 && repetitionPenalty > 0)) {
      throw new IllegalArgumentException(
          "no sampling with temperature "
              + temperature
              + ", top-p "
              + topP
              + ", repetition penalty "
              + repetitionPenalty);
    }
  }
}
