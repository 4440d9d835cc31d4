package io.sparkhawk.executor.model;

import io.sparkhawk.data.setting.Setting;
import java.io.Serializable;
import java.util.List;

/** The architecture of the student; everything else about it is taken from the teacher. */
public record StudentSettings(
    @Setting(
            value =
                "What stands in for attention: mamba2, low-rank (linear attention) or toeplitz (a"
                    + " long convolution). The last two are there to be compared with; only mamba2"
                    + " students can be read by the reference implementation.",
            defaultValue = "mamba2")
        MixerKind mixer,
    @Setting(
            value =
                "Whether mixers begin with the weights of the teacher's attention: values as x, keys"
                    + " as B, queries as C, and the output projection. It needs state-size equal to"
                    + " the teacher's head size and expand 1.",
            defaultValue = "false")
        boolean initialiseFromAttention,
    @Setting(
            value =
                "State size of each head of the mixers mamba2 and low-rank; 0 takes the teacher's head size.",
            defaultValue = "64",
            min = 0,
            max = 1024)
        int stateSize,
    @Setting(
            value = "Width in positions of the causal depth-wise convolution.",
            defaultValue = "4",
            min = 1,
            max = 16)
        int convWidth,
    @Setting(
            value = "Inner width of the mixer as a multiple of the model width.",
            defaultValue = "1",
            min = 1,
            max = 8)
        int expand,
    @Setting(
            value = "Positions per chunk of the scan. It changes speed and memory, not the result.",
            defaultValue = "128",
            min = 1,
            max = 4096)
        int chunkSize,
    @Setting(
            value =
                "Blocks, counted from 0, that keep the teacher's attention instead of a new"
                    + " mixer.",
            defaultValue = "[]")
        List<Integer> attentionBlocks)
    implements Serializable {

  public StudentSettings {
    attentionBlocks = List.copyOf(attentionBlocks);
  }
}
