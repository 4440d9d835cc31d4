package io.sparkhawk.executor.model;

import io.sparkhawk.data.setting.Setting;
import java.io.Serializable;
import java.util.List;

/** The architecture of the student; everything else about it is taken from the teacher. */
public record StudentSettings(
    @Setting(
            value =
                "State size of each head of the Mamba-2 mixer; 0 takes the teacher's head size.",
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
                "Blocks, counted from 0, that keep the teacher's attention instead of a Mamba-2"
                    + " mixer.",
            defaultValue = "[]")
        List<Integer> attentionBlocks)
    implements Serializable {

  public StudentSettings {
    attentionBlocks = List.copyOf(attentionBlocks);
  }
}
