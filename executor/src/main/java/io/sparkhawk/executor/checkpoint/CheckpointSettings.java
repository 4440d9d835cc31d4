package io.sparkhawk.executor.checkpoint;

import io.sparkhawk.data.setting.Setting;
import java.io.Serializable;

/** How often a run is saved and how many checkpoints it keeps. */
public record CheckpointSettings(
    @Setting(
            value = "Updates between two checkpoints; each stage's end is always saved.",
            defaultValue = "500",
            min = 1)
        int everySteps,
    @Setting(
            value = "Newest checkpoints of each stage to keep; its end is always kept.",
            defaultValue = "2",
            min = 1)
        int keep,
    @Setting(
            value =
                "Whether training goes on while a checkpoint is written, from a copy of each"
                    + " worker's part in its main memory; if not, it waits and needs no copy.",
            defaultValue = "true")
        boolean asynchronous)
    implements Serializable {}
