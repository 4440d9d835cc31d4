package io.sparkhawk.executor.kernel;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;

/**
 * The distance between a Mamba-2 matrix and an attention map, and its gradients, tile by tile
 * (matrix_distance.cu): neither matrix exists in memory, which is linear in the length.
 */
public final class MatrixKernels {

  private static final int TILE = 64;
  private static final int THREADS = 128;
  private static final int PADDING = 8;

  private final Kernel rows;
  private final Kernel columns;
  private final int heads;
  private final float scale;

  MatrixKernels(Card card, int heads, int headSize, int stateSize) {
    this.heads = heads;
    this.scale = (float) (1 / Math.sqrt((double) headSize));
    String[] sizes = {"HEAD=" + headSize, "STATE=" + stateSize};
    int shared = sharedBytes(headSize, stateSize);
    this.rows = card.kernel("matrix_distance", "matrix_rows", shared, sizes);
    this.columns = card.kernel("matrix_distance", "matrix_columns", shared, sizes);
  }

  /** Dynamic shared memory of a launch: tiles of queries, keys, B and C. */
  static int sharedBytes(int headSize, int stateSize) {
    return 2 * TILE * (headSize + PADDING + stateSize + PADDING) * 2;
  }

  /**
   * What is compared.
   *
   * @param query (batch, length, heads, head size), rotated, contiguous
   * @param key like query
   * @param convolved B and C: (batch, length, 2 * heads * state size), contiguous
   * @param sums running sums of log decays over the positions: (batch, heads, length), float32
   * @param skip D, (heads)
   */
  public record Operands(
      NDArray query, NDArray key, NDArray convolved, NDArray sums, NDArray skip) {}

  /**
   * The distance and the gradients of half its square, float32 where nothing else is said.
   *
   * @param squares the squared Frobenius norm of the difference: (batch, heads)
   * @param convolved like the operand, bfloat16
   * @param sums like the operand
   * @param skip (batch, heads)
   */
  public record Distance(NDArray squares, NDArray convolved, NDArray sums, NDArray skip) {}

  /** Compares all heads of all sequences. */
  public Distance compare(Operands in) {
    NDManager manager = in.query().getManager();
    long batch = in.query().getShape().get(0);
    int length = Math.toIntExact(in.query().getShape().get(1));
    long tiles = Grid.blocks(length, TILE);
    Grid grid = Grid.of(tiles, batch * heads);
    NDArray logSums = Operators.empty(manager, ElementType.FLOAT32, batch, heads, length);
    NDArray squares = Operators.empty(manager, ElementType.FLOAT32, batch, heads, tiles);
    NDArray skip = Operators.empty(manager, ElementType.FLOAT32, batch, heads, tiles);
    NDArray sums = Operators.empty(manager, ElementType.FLOAT32, batch, heads, length);
    NDArray convolved =
        Operators.empty(manager, ElementType.BFLOAT16, in.convolved().getShape().getShape());
    rows.launch(
        grid,
        THREADS,
        in.query(),
        in.key(),
        in.convolved(),
        in.sums(),
        in.skip(),
        logSums,
        squares,
        skip,
        convolved,
        sums,
        length,
        heads,
        scale);
    columns.launch(
        grid,
        THREADS,
        in.query(),
        in.key(),
        in.convolved(),
        in.sums(),
        in.skip(),
        logSums,
        convolved,
        sums,
        length,
        heads,
        scale);
    return new Distance(Operators.sum(squares, 2), convolved, sums, Operators.sum(skip, 2));
  }
}
