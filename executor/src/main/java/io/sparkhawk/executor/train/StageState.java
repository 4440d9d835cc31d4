package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.checkpoint.BufferRange;
import io.sparkhawk.executor.checkpoint.CheckpointContent;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointPosition;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.checkpoint.RunHashes;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.tensor.HostMemory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a checkpoint of a stage holds: trained weights and AdamW's moments as flat buffers, of which
 * each rank writes an equal part, and the figures that the stage's result needs.
 */
final class StageState {

  static final String PARAMETERS = "parameters";
  private static final String FIRST_MOMENT = "exp_avg";
  private static final String SECOND_MOMENT = "exp_avg_sq";

  private final FlatParameters parameters;
  private final AdamW optimizer;

  StageState(FlatParameters parameters, AdamW optimizer) {
    this.parameters = parameters;
    this.optimizer = optimizer;
  }

  private Map<String, NDArray> buffers() {
    Map<String, NDArray> buffers = new LinkedHashMap<>();
    buffers.put(PARAMETERS, parameters.values());
    buffers.put(FIRST_MOMENT, optimizer.firstMoment());
    buffers.put(SECOND_MOMENT, optimizer.secondMoment());
    return buffers;
  }

  /** This rank's part of the state, in host memory as {@code memory} gives it. */
  CheckpointContent content(
      CheckpointPosition position,
      RunHashes hashes,
      StageFigures figures,
      Collective collective,
      HostMemory.Reader memory) {
    List<CheckpointContent.Slice> slices = new ArrayList<>();
    buffers()
        .forEach(
            (name, buffer) -> {
              long size = buffer.size();
              long first = size * collective.rank() / collective.worldSize();
              long end = size * (collective.rank() + 1) / collective.worldSize();
              memory
                  .parts(buffer, first, end - first)
                  .forEach(
                      part ->
                          slices.add(
                              CheckpointContent.Slice.float32(
                                  name, size, part.first(), part.bytes())));
            });
    return new CheckpointContent(position, hashes, figures.toMetrics(), slices);
  }

  /** Puts back what a checkpoint holds, on every rank all of it. */
  void restore(CheckpointStore store, CheckpointManifest manifest) {
    List<String> names = List.copyOf(buffers().keySet());
    HostMemory.fillFloat32(
        List.copyOf(buffers().values()),
        memory -> {
          List<BufferRange> ranges = new ArrayList<>();
          for (int i = 0; i < names.size(); i++) {
            String name = names.get(i);
            memory
                .get(i)
                .forEach(part -> ranges.add(new BufferRange(name, part.first(), part.bytes())));
          }
          store.load(manifest, ranges);
        });
    parameters.publish();
    optimizer.resumeAfter(manifest.position().optimizerStep());
  }
}
