package io.sparkhawk.executor.train;

import io.sparkhawk.data.setting.Setting;
import java.io.Serializable;

/** How much held-out text the models are measured on. */
public record EvaluationSettings(
    @Setting(
            value =
                "Held-out tokens for the student's perplexity before and after each stage, from the"
                    + " start of the held-out split; 0 takes all of them.",
            defaultValue = "20000",
            min = 0)
        long betweenStageTokens,
    @Setting(
            value =
                "Held-out tokens for the perplexity of the teacher and of the final student, from"
                    + " the start of the held-out split; 0 takes all of them.",
            defaultValue = "0",
            min = 0)
        long finalTokens,
    @Setting(
            value =
                "Held-out rows for the distance of each block from the teacher's, before and after"
                    + " each stage.",
            defaultValue = "8",
            min = 1)
        int distanceRows)
    implements Serializable {}
