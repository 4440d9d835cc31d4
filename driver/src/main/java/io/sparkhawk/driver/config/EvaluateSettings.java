package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.util.List;
import java.util.Optional;

/** What the evaluate command measures, and on what. */
public record EvaluateSettings(
    @Setting("Hugging Face folder of a teacher or of a student that distill wrote.") String model,
    @Setting(
            "Folder of a second model, which is measured on the same and shown beside the first"
                + " one, with the difference. The default is none.")
        Optional<String> compare,
    @Setting(
            "The data set whose held-out rows give the perplexity: a folder that the prepare"
                + " command wrote. Without it only the tasks are scored.")
        Optional<String> data,
    @Setting(
            value =
                "Task files of JSON lines: multiple choice, sentences with a blank, or last words"
                    + " (docs/evaluation.md has the forms).",
            defaultValue = "[]")
        List<String> tasks,
    @Setting("File to which the results are written as JSON. The default is none.")
        Optional<String> json,
    @Setting(
            value = "Held-out tokens to use, from the start of the held-out split; 0 takes all.",
            defaultValue = "0",
            min = 0)
        long tokens,
    @Setting(
            value =
                "Most tokens that a model reads of a task's example; what is longer loses its"
                    + " beginning. A model with fewer positions reads no more than those.",
            defaultValue = "2048",
            min = 1,
            max = 1048576)
        int maxLength,
    @Setting(
            value = "Token that stands for the context of a task's example where that is empty.",
            defaultValue = "<|endoftext|>")
        String endOfText,
    @Setting(
            value = "Executor processes that share the rows and examples.",
            defaultValue = "2",
            min = 1,
            max = 65536)
        int workers,
    @Setting(
            value =
                "Threads of each worker's tensor operations; 0 shares the machine's cores among the"
                    + " workers.",
            defaultValue = "0",
            min = 0,
            max = 1024)
        int threadsPerWorker,
    @Setting(value = "What the workers compute on.", defaultValue = "cpu") DeviceKind device,
    @Setting("Element type to compute in. The default is float32 on CPUs and bfloat16 on GPUs.")
        Optional<ElementType> elementType) {

  public EvaluateSettings {
    tasks = List.copyOf(tasks);
    if (data.isEmpty() && tasks.isEmpty()) {
      throw new IllegalArgumentException(
          "there is nothing to measure: name a data set with --data or task files with --tasks.");
    }
  }

  /** The folders of the models, in the order in which they are shown: one or two. */
  public List<String> models() {
    return compare.map(second -> List.of(model, second)).orElseGet(() -> List.of(model));
  }

  /** The element type that is computed in: the one given, or the device's usual one. */
  public ElementType computeType() {
    return elementType.orElse(
        device == DeviceKind.GPU ? ElementType.BFLOAT16 : ElementType.FLOAT32);
  }
}
