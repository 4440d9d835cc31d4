package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.util.Optional;

/** What the evaluate command measures, and on what. */
public record EvaluateSettings(
    @Setting("Hugging Face folder of a teacher or of a student that distill wrote.") String model,
    @Setting("The data set: a folder that the prepare command wrote.") String data,
    @Setting(
            value = "Held-out tokens to use, from the start of the held-out split; 0 takes all.",
            defaultValue = "0",
            min = 0)
        long tokens,
    @Setting(
            value = "Executor processes that share the rows.",
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

  /** The element type that is computed in: the one given, or the device's usual one. */
  public ElementType computeType() {
    return elementType.orElse(
        device == DeviceKind.GPU ? ElementType.BFLOAT16 : ElementType.FLOAT32);
  }
}
