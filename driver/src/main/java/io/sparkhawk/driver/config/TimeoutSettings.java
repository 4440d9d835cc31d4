package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import java.time.Duration;

/** How long each wait may last until it is a failure, whose message says who was late. */
public record TimeoutSettings(
    @Setting(
            value =
                "Longest wait of a worker for another's gradients. It covers the difference between"
                    + " the fastest and the slowest worker in one step.",
            defaultValue = "2m",
            min = 1)
        Duration collective,
    @Setting(
            value = "Longest silence of a worker before the driver takes it for lost.",
            defaultValue = "1m",
            min = 1)
        Duration heartbeat,
    @Setting(
            value = "Longest wait until all workers of a stage have started.",
            defaultValue = "5m",
            min = 1)
        Duration barrierSync) {}
