package io.sparkhawk.executor.train;

import io.sparkhawk.data.setting.Setting;
import java.io.Serializable;

/** How much held-out text the student is measured on. */
public record EvaluationSettings(
    @Setting(
            value =
                "Held-out tokens that are used before and after each stage; the teacher and the"
                    + " final student are measured on all of them.",
            defaultValue = "20000",
            min = 1)
        long tokens)
    implements Serializable {}
