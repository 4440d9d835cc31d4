package io.sparkhawk.executor.train;

import io.sparkhawk.data.setting.Setting;
import io.sparkhawk.executor.stage.HiddenTarget;
import io.sparkhawk.executor.stage.StageKind;
import io.sparkhawk.executor.stage.TrainedParts;
import java.io.Serializable;

/** One stage of a run: what is compared, on how many tokens, with which optimizer. */
public record StageSettings(
    @Setting("Which stage: matrix (1), hidden (2) or distill (3).") StageKind name,
    @Setting(
            value =
                "Training tokens of the stage; rounded up to whole steps. Suffixes K, M and B are"
                    + " powers of 1000.",
            min = 1)
        long tokens,
    @Setting(
            value =
                "Tokens (not sequences) per update, over all workers: the global batch. Must be a"
                    + " multiple of the sequence length times the workers.",
            defaultValue = "32768",
            min = 1)
        long batchTokens,
    @Setting(
            value =
                "Sequences that a worker computes at once; gradients are accumulated over"
                    + " micro-batches. 0 takes a worker's whole share of the batch.",
            defaultValue = "0",
            min = 0)
        int microBatch,
    @Setting(value = "Peak learning rate.", min = 0) double learningRate,
    @Setting(
            value = "Share of the stage's steps over which the learning rate rises from 0.",
            defaultValue = "0.1",
            min = 0,
            max = 1)
        double warmup,
    @Setting(
            value =
                "Share of the stage's steps over which the learning rate falls to 0 at the end.",
            defaultValue = "0.1",
            min = 0,
            max = 1)
        double decay,
    @Setting(
            value = "Decoupled weight decay of AdamW, on all trained parameters.",
            defaultValue = "0.1",
            min = 0)
        double weightDecay,
    @Setting(value = "AdamW's decay of the first moment.", defaultValue = "0.9", min = 0, max = 1)
        double beta1,
    @Setting(value = "AdamW's decay of the second moment.", defaultValue = "0.95", min = 0, max = 1)
        double beta2,
    @Setting(value = "AdamW's epsilon.", defaultValue = "1e-8", min = 0) double epsilon,
    @Setting(
            value = "Largest norm of the whole gradient; larger ones are scaled down. 0 is off.",
            defaultValue = "1.0",
            min = 0)
        double clipNorm,
    @Setting(
            value =
                "Which parameters are trained: mixers (not MLP, norms, embedding, head) or all that"
                    + " the loss reaches.",
            defaultValue = "mixers")
        TrainedParts train,
    @Setting(
            value = "What stage hidden compares: mixer outputs or whole-block outputs.",
            defaultValue = "mixer")
        HiddenTarget target,
    @Setting(
            value =
                "Whether stage distill computes blocks a second time in the backward pass instead of"
                    + " keeping their intermediate results: less memory, about a third more time.",
            defaultValue = "false")
        boolean recompute)
    implements Serializable {

  /** The optimizer's hyper-parameters. */
  AdamW.Hyperparameters adamW() {
    return new AdamW.Hyperparameters(beta1, beta2, epsilon, weightDecay);
  }

  /** The same stage with another number of training tokens. */
  public StageSettings withTokens(long otherTokens) {
    return new StageSettings(
        name,
        otherTokens,
        batchTokens,
        microBatch,
        learningRate,
        warmup,
        decay,
        weightDecay,
        beta1,
        beta2,
        epsilon,
        clipNorm,
        train,
        target,
        recompute);
  }

  /** Updates that the stage makes: tokens over batch tokens, rounded up. */
  public long steps() {
    return (tokens + batchTokens - 1) / batchTokens;
  }
}
