package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.util.Optional;

/** With which model the generate command writes, and how it chooses tokens. */
public record GenerateSettings(
    @Setting("Hugging Face folder of a teacher or of a student that distill wrote.") String model,
    @Setting(
            value = "The most tokens to generate; the end-of-text token ends the text earlier.",
            defaultValue = "200",
            min = 1)
        int maxTokens,
    @Setting(
            value =
                "Below 1 likely tokens become more likely still, above 1 less so; 0 always takes the"
                    + " most likely one.",
            defaultValue = "0.8",
            min = 0,
            max = 100)
        double temperature,
    @Setting(
            value =
                "Draw only from the most likely tokens that together have this probability; 1 draws"
                    + " from all.",
            defaultValue = "0.95",
            min = 0,
            max = 1)
        double topP,
    @Setting(
            value =
                "Above 1, tokens that are in the prompt or the text already become less likely; 1"
                    + " changes nothing.",
            defaultValue = "1",
            min = 0.1,
            max = 10)
        double repetitionPenalty,
    @Setting(
            "Seed of the draws: the same one gives the same text again. The default is another one"
                + " at each start, which is told at the end.")
        Optional<Long> seed,
    @Setting(
            value = "Token that ends a document, as the tokenizer writes it.",
            defaultValue = "<|endoftext|>")
        String endOfText,
    @Setting(
            value = "Threads of the tensor operations; 0 takes all cores of the machine.",
            defaultValue = "0",
            min = 0,
            max = 1024)
        int threads,
    @Setting(value = "What to compute on.", defaultValue = "cpu") DeviceKind device,
    @Setting("Element type to compute in. The default is float32 on CPUs and bfloat16 on GPUs.")
        Optional<ElementType> elementType) {

  /** The element type that is computed in: the one given, or the device's usual one. */
  public ElementType computeType() {
    return elementType.orElse(
        device == DeviceKind.GPU ? ElementType.BFLOAT16 : ElementType.FLOAT32);
  }
}
