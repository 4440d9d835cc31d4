package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;
import java.util.Optional;

/** What a retrained student must be to go into production. */
public record GateSettings(
    @Setting(
            value =
                "Percent by which the student's perplexity on the held-out rows may exceed that of"
                    + " the student in production; below 0 it must be better by that much.",
            defaultValue = "1",
            min = -100,
            max = 1000)
        double perplexityPercent,
    @Setting(
            "Percent by which the student's perplexity may exceed the teacher's. The default is no"
                + " such limit.")
        Optional<Double> teacherPercent,
    @Setting(
            value =
                "Points of accuracy, of 100, by which the student may be worse than the one in"
                    + " production on each task.",
            defaultValue = "1",
            min = -100,
            max = 100)
        double taskPoints,
    @Setting(
            value = "Tokens that a round must have trained on at least.",
            defaultValue = "0",
            min = 0)
        long minTokens) {}
