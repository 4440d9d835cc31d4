package io.sparkhawk.executor.train;

import ai.djl.ndarray.NDArray;
import io.sparkhawk.executor.checkpoint.BufferRange;
import io.sparkhawk.executor.checkpoint.CheckpointContent;
import io.sparkhawk.executor.checkpoint.CheckpointManifest;
import io.sparkhawk.executor.checkpoint.CheckpointPosition;
import io.sparkhawk.executor.checkpoint.CheckpointStore;
import io.sparkhawk.executor.checkpoint.RunHashes;
import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.safetensors.StoredType;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;

/**
 * What a checkpoint of a stage holds: trained weights and AdamW's moments as flat buffers without
 * padding, of which each rank writes a part, and the figures that the stage's result needs. How
 * many ranks there are, and who writes what, does not matter to who reads it.
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

  /** A run of a checkpoint's buffer, and the tensor that its elements are in. */
  private record Piece(String buffer, long first, NDArray elements) {}

  /** This rank's part of the state, in host memory as {@code memory} gives it. */
  CheckpointContent content(
      CheckpointPosition position,
      RunHashes hashes,
      StageFigures figures,
      Collective collective,
      HostMemory.Reader memory) {
    long size = parameters.layout().storedSize();
    List<CheckpointContent.Slice> slices = new ArrayList<>();
    for (Piece piece : written(collective)) {
      memory
          .parts(piece.elements, 0, piece.elements.size())
          .forEach(
              part ->
                  slices.add(
                      new CheckpointContent.Slice(
                          piece.buffer,
                          stored(piece.elements),
                          size,
                          piece.first + part.first(),
                          part.bytes())));
    }
    return new CheckpointContent(position, hashes, figures.toMetrics(), slices);
  }

  private static StoredType stored(NDArray elements) {
    return ElementType.of(elements) == ElementType.FLOAT64 ? StoredType.F64 : StoredType.F32;
  }

  /** The type in which a checkpoint of a stage holds the state. */
  static ElementType typeOf(CheckpointManifest manifest) {
    CheckpointManifest.BufferInfo info = manifest.buffers().get(PARAMETERS);
    return info != null && info.type() == StoredType.F64
        ? ElementType.FLOAT64
        : ElementType.FLOAT32;
  }

  /** What this rank writes: what it alone updates, or an equal part of what all ranks have. */
  private List<Piece> written(Collective collective) {
    List<Piece> own = own();
    if (parameters.layout().shares() > 1) {
      return own;
    }
    return own.stream()
        .map(
            whole -> {
              long size = whole.elements.size();
              long first = size * collective.rank() / collective.worldSize();
              long end = size * (collective.rank() + 1) / collective.worldSize();
              return new Piece(
                  whole.buffer, first, Operators.narrow(whole.elements, 0, first, end - first));
            })
        .toList();
  }

  /** All that this rank updates, without padding. */
  private List<Piece> own() {
    List<Piece> pieces = new ArrayList<>();
    for (Shard.Share share : parameters.shard().shares()) {
      for (FlatLayout.Stored stored : parameters.layout().stored(share.range())) {
        FlatLayout.Range inShare = stored.range().shifted(-share.range().first());
        FlatLayout.Range local = inShare.shifted(share.local().first());
        NDArray values = FlatParameters.narrow(parameters.valuesOf(share), inShare);
        NDArray first = FlatParameters.narrow(optimizer.firstMoment(), local);
        NDArray second = FlatParameters.narrow(optimizer.secondMoment(), local);
        pieces.add(new Piece(PARAMETERS, stored.first(), values));
        pieces.add(new Piece(FIRST_MOMENT, stored.first(), first));
        pieces.add(new Piece(SECOND_MOMENT, stored.first(), second));
      }
    }
    return pieces;
  }

  /** The weights that the model computes with, where they are other tensors than {@link #own}. */
  private List<Piece> computed() {
    FlatLayout layout = parameters.layout();
    if (layout.shares() == 1) {
      return List.of(); // published from the values
    }
    return layout.stored(new FlatLayout.Range(0, layout.size())).stream()
        .map(
            stored ->
                new Piece(
                    PARAMETERS,
                    stored.first(),
                    FlatParameters.narrow(parameters.computed(), stored.range())))
        .toList();
  }

  /** Puts back what a checkpoint holds of the weights, and of the rest what this rank updates. */
  void restore(CheckpointStore store, CheckpointManifest manifest) {
    try (TensorScope scope = TensorScope.open()) {
      List<Piece> pieces = new ArrayList<>(own());
      pieces.addAll(computed());
      HostMemory.fill(
          pieces.stream().map(Piece::elements).toList(),
          typeOf(manifest),
          memory -> {
            List<BufferRange> ranges = new ArrayList<>();
            for (int i = 0; i < pieces.size(); i++) {
              Piece piece = pieces.get(i);
              memory
                  .get(i)
                  .forEach(
                      part ->
                          ranges.add(
                              new BufferRange(
                                  piece.buffer, piece.first + part.first(), part.bytes())));
            }
            store.load(manifest, ranges);
          });
    }
    parameters.publish();
    optimizer.resumeAfter(manifest.position().optimizerStep());
  }
}
