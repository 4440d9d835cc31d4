package io.sparkhawk.executor.generate;

import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.util.Objects;

/**
 * What is to be written, and with what.
 *
 * @param modelFolder URI of a teacher's or a student's folder
 * @param prompt the text to continue; if it is empty, a new document is begun
 * @param maxTokens the most tokens to generate, at least 1
 * @param sampling how each token is chosen
 * @param endOfText the token that ends a document, as the tokenizer writes it
 * @param device what is computed on
 * @param elementType what is computed in
 * @param localCache folder on the own disk for a model that is not local
 * @param threads threads of the tensor operations
 */
public record GenerationPlan(
    String modelFolder,
    String prompt,
    int maxTokens,
    SamplingSettings sampling,
    String endOfText,
    DeviceKind device,
    ElementType elementType,
    String localCache,
    int threads) {

  public GenerationPlan {
    Objects.requireNonNull(modelFolder, "modelFolder");
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(endOfText, "endOfText");
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(elementType, "elementType");
    Objects.requireNonNull(localCache, "localCache");
    if (maxTokens < 1) {
      throw new IllegalArgumentException("maxTokens must be at least 1, but is " + maxTokens);
    }
  }
}
