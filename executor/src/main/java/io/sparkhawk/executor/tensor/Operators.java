package io.sparkhawk.executor.tensor;

import static io.sparkhawk.executor.tensor.Check.dimension;
import static io.sparkhawk.executor.tensor.Check.integers;
import static io.sparkhawk.executor.tensor.Check.rank;
import static io.sparkhawk.executor.tensor.Check.require;
import static io.sparkhawk.executor.tensor.Check.sameShape;
import static io.sparkhawk.executor.tensor.Check.sameType;
import static io.sparkhawk.executor.tensor.Check.shape;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.sparkhawk.executor.tensor.Dispatcher.Optional;
import java.util.Arrays;
import java.util.List;

/**
 * The tensor operations that models are made of, for float32, float64 and bfloat16, differentiable
 * unless said otherwise. Shapes and element types are checked before libtorch is called: a wrong
 * call is an {@link IllegalArgumentException} that names operator, argument and shape.
 *
 * <p>Operators that DJL has and that work on every element type go through DJL; the others go
 * through libtorch's dispatcher. Results belong to the manager of the first argument and to the
 * innermost {@link TensorScope}.
 */
public final class Operators {

  private static final Dispatcher LINEAR = Dispatcher.operator("aten::linear", "");
  private static final Dispatcher SDPA =
      Dispatcher.operator("aten::scaled_dot_product_attention", "");
  private static final Dispatcher SOFTMAX = Dispatcher.operator("aten::_softmax", "");
  private static final Dispatcher LOG_SOFTMAX = Dispatcher.operator("aten::_log_softmax", "");
  private static final Dispatcher SILU = Dispatcher.operator("aten::silu", "");
  private static final Dispatcher EMBEDDING = Dispatcher.operator("aten::embedding", "");
  private static final Dispatcher EMBEDDING_BACKWARD =
      Dispatcher.operator("aten::embedding_dense_backward", "");
  private static final Dispatcher NARROW = Dispatcher.operator("aten::narrow", "");
  private static final Dispatcher COPY = Dispatcher.operator("aten::copy_", "");
  private static final Dispatcher ZERO = Dispatcher.operator("aten::zero_", "");
  private static final Dispatcher SET = Dispatcher.operator("aten::set_", "source_Tensor");
  private static final Dispatcher TO = Dispatcher.operator("aten::to", "dtype");
  private static final Dispatcher VIEW_TYPE = Dispatcher.operator("aten::view", "dtype");
  private static final Dispatcher LERP = Dispatcher.operator("aten::lerp_", "Tensor");
  private static final Dispatcher ADD_MATRIX_PRODUCT = Dispatcher.operator("aten::mm", "");
  private static final Dispatcher MATRIX_PRODUCT_INTO = Dispatcher.operator("aten::mm", "out");
  private static final Dispatcher MUL = Dispatcher.operator("aten::mul", "Tensor");
  private static final Dispatcher MUL_IN_PLACE = Dispatcher.operator("aten::mul_", "Tensor");
  private static final Dispatcher EXP_IN_PLACE = Dispatcher.operator("aten::exp_", "");
  private static final Dispatcher GATHER = Dispatcher.operator("aten::gather", "");
  private static final Dispatcher CONTIGUOUS = Dispatcher.operator("aten::contiguous", "");

  /** sqrt(8 / pi): tanh(x) = 2 sigmoid(2x) - 1 turns GELU's tanh form into a sigmoid. */
  private static final double GELU_SCALE = Math.sqrt(8 / Math.PI);

  private static final double GELU_CUBIC = 0.044715;

  private Operators() {}

  /**
   * x W^T + b.
   *
   * @param x (..., in)
   * @param weight (out, in)
   * @param bias (out)
   * @return (..., out)
   */
  public static NDArray linear(NDArray x, NDArray weight, NDArray bias) {
    checkLinear(x, weight);
    shape("linear", "bias", bias, weight.getShape().get(0));
    sameType("linear", "bias", bias, x);
    return LINEAR.call(x, weight, Optional.of(bias));
  }

  /**
   * x W^T.
   *
   * @param x (..., in)
   * @param weight (out, in)
   * @return (..., out)
   */
  public static NDArray linear(NDArray x, NDArray weight) {
    checkLinear(x, weight);
    return LINEAR.call(x, weight, Optional.EMPTY);
  }

  private static void checkLinear(NDArray x, NDArray weight) {
    rank("linear", "weight", weight, 2);
    dimension("linear", "x", x, -1, weight.getShape().get(1));
    sameType("linear", "weight", weight, x);
  }

  /**
   * Matrix product over the last two dimensions; the leading ones broadcast.
   *
   * @param a (..., n, k)
   * @param b (..., k, m)
   * @return (..., n, m)
   */
  public static NDArray matmul(NDArray a, NDArray b) {
    require(a.getShape().dimension() >= 2, "matmul", "a", a, "(..., n, k)");
    require(b.getShape().dimension() >= 2, "matmul", "b", b, "(..., k, m)");
    dimension("matmul", "b", b, -2, a.getShape().get(a.getShape().dimension() - 1));
    sameType("matmul", "b", b, a);
    return JniUtils.matmul(pt(a), pt(b));
  }

  /**
   * Layer normalisation over the last dimension.
   *
   * @param x (..., width)
   * @param weight (width)
   * @param bias (width)
   */
  public static NDArray layerNorm(NDArray x, NDArray weight, NDArray bias, double epsilon) {
    rank("layerNorm", "weight", weight, 1);
    dimension("layerNorm", "x", x, -1, weight.getShape().get(0));
    sameShape("layerNorm", "bias", bias, weight);
    return JniUtils.layerNorm(pt(x), weight.getShape(), pt(weight), pt(bias), epsilon);
  }

  /** Softmax over the last dimension. */
  public static NDArray softmax(NDArray x) {
    return SOFTMAX.call(x, -1, false);
  }

  /** Logarithm of the softmax over the last dimension. */
  public static NDArray logSoftmax(NDArray x) {
    return LOG_SOFTMAX.call(x, -1, false);
  }

  /**
   * Causal softmax attention without materialised maps, scaled by 1/sqrt(head size).
   *
   * @param query (batch, heads, length, head size)
   * @param key like query
   * @param value like query
   * @return like query
   */
  public static NDArray causalAttention(NDArray query, NDArray key, NDArray value) {
    rank("causalAttention", "query", query, 4);
    sameShape("causalAttention", "key", key, query);
    sameShape("causalAttention", "value", value, query);
    sameType("causalAttention", "key", key, query);
    sameType("causalAttention", "value", value, query);
    return SDPA.call(query, key, value, Optional.EMPTY, 0.0, true, Optional.EMPTY, false);
  }

  /** x sigmoid(x). */
  public static NDArray silu(NDArray x) {
    return SILU.call(x);
  }

  /** 1 / (1 + exp(-x)). */
  public static NDArray sigmoid(NDArray x) {
    return JniUtils.sigmoid(pt(x));
  }

  /** log(1 + exp(x)). */
  public static NDArray softplus(NDArray x) {
    return JniUtils.softPlus(pt(x));
  }

  /** The tanh form of GELU ("gelu_new"): x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
  public static NDArray geluTanh(NDArray x) {
    NDArray inner = scale(JniUtils.square(pt(x)), GELU_SCALE * GELU_CUBIC);
    addInPlace(inner, GELU_SCALE);
    return multiply(x, sigmoid(multiply(x, inner)));
  }

  /** Element-wise exponential. */
  public static NDArray exp(NDArray x) {
    return JniUtils.exp(pt(x));
  }

  /** Element-wise sum, broadcasting. */
  public static NDArray add(NDArray a, NDArray b) {
    return JniUtils.add(pt(a), pt(b));
  }

  /** Element-wise difference, broadcasting. */
  public static NDArray subtract(NDArray a, NDArray b) {
    return JniUtils.sub(pt(a), pt(b));
  }

  /** Element-wise product, broadcasting. */
  public static NDArray multiply(NDArray a, NDArray b) {
    return JniUtils.mul(pt(a), pt(b));
  }

  /** Element-wise quotient, broadcasting. */
  public static NDArray divide(NDArray a, NDArray b) {
    return JniUtils.div(pt(a), pt(b));
  }

  /** Element-wise square root. */
  public static NDArray squareRoot(NDArray x) {
    return JniUtils.sqrt(pt(x));
  }

  /** x times a number. */
  public static NDArray scale(NDArray x, double factor) {
    return MUL.call(x, scalar(factor));
  }

  /** Element-wise negation. */
  public static NDArray negate(NDArray x) {
    return JniUtils.neg(pt(x));
  }

  /** Running sums along {@code dimension}. */
  public static NDArray cumulativeSum(NDArray x, int dimension) {
    return JniUtils.cumSum(pt(x), dimension);
  }

  /** Euclidean norm over the given dimensions, which disappear. */
  public static NDArray norm(NDArray x, int... dimensions) {
    return JniUtils.norm(pt(x), 2, dimensions, false);
  }

  /** Sum over the given dimensions, which disappear. */
  public static NDArray sum(NDArray x, int... dimensions) {
    return JniUtils.sum(pt(x), Arrays.stream(dimensions).asLongStream().toArray(), false);
  }

  /** Mean of all elements, a tensor without dimensions. */
  public static NDArray mean(NDArray x) {
    return JniUtils.mean(pt(x));
  }

  /**
   * Picks one element of the last dimension for each position.
   *
   * @param x (rows, classes)
   * @param index (rows, 1), int64
   * @return (rows, 1)
   */
  public static NDArray gather(NDArray x, NDArray index) {
    rank("gather", "x", x, 2);
    shape("gather", "index", index, x.getShape().get(0), 1);
    integers("gather", "index", index);
    return GATHER.call(x, 1, index, false);
  }

  /**
   * Rows of a table.
   *
   * @param weight (vocabulary, width)
   * @param ids integers of any shape
   * @return (ids' shape, width)
   */
  public static NDArray embedding(NDArray weight, NDArray ids) {
    rank("embedding", "weight", weight, 2);
    integers("embedding", "ids", ids);
    return EMBEDDING.call(weight, ids, -1, false, false);
  }

  /**
   * Gradient of the table of {@link #embedding}; not differentiable.
   *
   * @param outputGradient (ids' shape, width)
   * @param ids integers
   * @return (vocabulary, width)
   */
  public static NDArray embeddingBackward(NDArray outputGradient, NDArray ids, long vocabulary) {
    integers("embeddingBackward", "ids", ids);
    require(
        outputGradient.getShape().dimension() == ids.getShape().dimension() + 1,
        "embeddingBackward",
        "outputGradient",
        outputGradient,
        "(ids' shape " + ids.getShape() + ", width)");
    return EMBEDDING_BACKWARD.call(outputGradient, ids, vocabulary, -1, false);
  }

  /** A view of {@code length} entries of {@code dimension} from {@code start} on. */
  public static NDArray narrow(NDArray x, int dimension, long start, long length) {
    long size = x.getShape().get(Check.index(x, dimension));
    require(
        start >= 0 && length >= 0 && start + length <= size,
        "narrow",
        "x",
        x,
        "at least " + (start + length) + " entries in dimension " + dimension);
    return NARROW.call(x, dimension, start, length);
  }

  /** The same elements in another shape; a view where that is possible. */
  public static NDArray reshape(NDArray x, long... shape) {
    return JniUtils.reshape(pt(x), shape);
  }

  /** All dimensions but the last as one: (rows, last); a view where that is possible. */
  public static NDArray rows(NDArray x) {
    return reshape(x, -1, x.getShape().get(x.getShape().dimension() - 1));
  }

  /** The dimensions in another order; a view. */
  public static NDArray permute(NDArray x, long... order) {
    require(
        order.length == x.getShape().dimension(), "permute", "x", x, order.length + " dimensions");
    return JniUtils.permute(pt(x), order);
  }

  /** Two dimensions swapped; a view. */
  public static NDArray transpose(NDArray x, int first, int second) {
    return JniUtils.transpose(pt(x), first, second);
  }

  /** Inserts a dimension of size 1 before {@code dimension}; a view. */
  public static NDArray unsqueeze(NDArray x, int dimension) {
    return JniUtils.unsqueeze(pt(x), dimension);
  }

  /** Joins tensors along an existing dimension. */
  public static NDArray concatenate(List<NDArray> parts, int dimension) {
    return JniUtils.cat(parts.toArray(PtNDArray[]::new), dimension);
  }

  /** Joins tensors of one shape along a new dimension. */
  public static NDArray stack(List<NDArray> parts, int dimension) {
    return JniUtils.stack(parts.toArray(PtNDArray[]::new), dimension);
  }

  /**
   * Zeros put around the entries of dimension 1.
   *
   * @param x (batch, length, width)
   * @return (batch, before + length + after, width)
   */
  public static NDArray padLength(NDArray x, long before, long after) {
    rank("padLength", "x", x, 3);
    return JniUtils.pad(pt(x), new long[] {0, 0, before, after}, 0);
  }

  /** The elements in row-major order; the tensor itself where they already are. */
  public static NDArray contiguous(NDArray x) {
    return CONTIGUOUS.call(x, 0);
  }

  /** The elements in another type; the tensor itself where it has that type. */
  public static NDArray convert(NDArray x, ElementType type) {
    return TO.call(x, type.code(), false, false, Optional.EMPTY);
  }

  /** Zeros of the shape and type of {@code x}; not differentiable. */
  public static NDArray zerosLike(NDArray x) {
    return zero(scale(Gradients.constant(x), 0));
  }

  /** A tensor of the shape and type of {@code x} that holds {@code value}; not differentiable. */
  public static NDArray filledLike(NDArray x, double value) {
    NDArray filled = zerosLike(x);
    addInPlace(filled, value);
    return filled;
  }

  /** All elements in row-major order; waits for the device. */
  public static double[] toDoubles(NDArray x) {
    return convert(x, ElementType.FLOAT64).toDevice(Device.cpu(), false).toDoubleArray();
  }

  /** As {@link #convert}, but always new memory; not differentiable. */
  static NDArray convertedCopy(NDArray x, ElementType type) {
    return TO.call(x, type.code(), false, true, Optional.EMPTY);
  }

  /** Two-byte elements taken as bfloat16; a view. */
  static NDArray asBfloat16(NDArray x) {
    return VIEW_TYPE.call(x, ElementType.BFLOAT16.code());
  }

  /**
   * The memory of a contiguous tensor taken as float32, whatever it holds: for moving bits. A view.
   *
   * @param x its last dimension is a multiple of four bytes
   */
  public static NDArray words(NDArray x) {
    return VIEW_TYPE.call(x, ElementType.FLOAT32.code());
  }

  /** A new tensor of zeros. */
  public static NDArray zeros(NDManager manager, ElementType type, long... shape) {
    NDArray zeros =
        manager.zeros(
            new Shape(shape), type == ElementType.FLOAT64 ? DataType.FLOAT64 : DataType.FLOAT32);
    if (type != ElementType.BFLOAT16) {
      return zeros;
    }
    try (zeros) {
      return convert(zeros, type);
    }
  }

  /**
   * A new tensor whose elements are whatever the memory held: for results that are written whole.
   */
  public static NDArray empty(NDManager manager, ElementType type, long... shape) {
    DataType created =
        switch (type) {
          case FLOAT64 -> DataType.FLOAT64;
          case FLOAT32 -> DataType.FLOAT32;
          case BFLOAT16 -> DataType.FLOAT16; // of the same size; DJL knows no bfloat16
        };
    NDArray empty = manager.create(new Shape(shape), created);
    if (type != ElementType.BFLOAT16) {
      return empty;
    }
    try (empty) {
      return asBfloat16(empty);
    }
  }

  /** Sets every element of {@code target} to 0. */
  public static NDArray zero(NDArray target) {
    close(ZERO.call(target));
    return target;
  }

  /** Copies the elements of {@code source}, converting their type, into {@code target}. */
  public static void copy(NDArray source, NDArray target) {
    sameShape("copy", "source", source, target);
    close(COPY.call(target, source, false));
  }

  /** target = target + weight (source - target), in place. */
  public static void interpolateInPlace(NDArray target, NDArray source, double weight) {
    sameShape("interpolateInPlace", "source", source, target);
    close(LERP.call(target, source, convert(scalar(weight), ElementType.of(target))));
  }

  /** target = target * factor, in place. */
  public static void scaleInPlace(NDArray target, double factor) {
    close(MUL_IN_PLACE.call(target, scalar(factor)));
  }

  /** Matrix product of two matrices; cheaper to call than {@link #matmul}. */
  public static NDArray matrixProduct(NDArray a, NDArray b) {
    rank("matrixProduct", "a", a, 2);
    rank("matrixProduct", "b", b, 2);
    dimension("matrixProduct", "b", b, 0, a.getShape().get(1));
    sameType("matrixProduct", "b", b, a);
    return ADD_MATRIX_PRODUCT.call(a, b);
  }

  /** As {@link #matrixProduct}, over what {@code target}, of the product's shape, holds. */
  public static void matrixProductInto(NDArray a, NDArray b, NDArray target) {
    rank("matrixProductInto", "a", a, 2);
    rank("matrixProductInto", "b", b, 2);
    rank("matrixProductInto", "target", target, 2);
    dimension("matrixProductInto", "b", b, 0, a.getShape().get(1));
    dimension("matrixProductInto", "target", target, 0, a.getShape().get(0));
    dimension("matrixProductInto", "target", target, 1, b.getShape().get(1));
    sameType("matrixProductInto", "b", b, a);
    sameType("matrixProductInto", "target", target, a);
    close(MATRIX_PRODUCT_INTO.call(a, b, target));
  }

  /** target = target + source, in place. */
  public static void addInPlace(NDArray target, NDArray source) {
    sameShape("addInPlace", "source", source, target);
    JniUtils.addi(pt(target), pt(source));
  }

  /** target = target + number, in place. */
  public static void addInPlace(NDArray target, double number) {
    JniUtils.addi(pt(target), pt(scalar(number)));
  }

  /** target = target - source, in place. */
  public static void subtractInPlace(NDArray target, NDArray source) {
    sameShape("subtractInPlace", "source", source, target);
    JniUtils.subi(pt(target), pt(source));
  }

  /** target = exp(target), in place. */
  public static void expInPlace(NDArray target) {
    close(EXP_IN_PLACE.call(target));
  }

  /** Sum of the products of all elements of two tensors of one shape. */
  public static NDArray innerProduct(NDArray a, NDArray b) {
    sameShape("innerProduct", "b", b, a);
    sameType("innerProduct", "b", b, a);
    return JniUtils.dot(pt(reshape(a, -1)), pt(reshape(b, -1)));
  }

  /** Makes {@code tensor} a view of the memory, shape and type of {@code source}. */
  static void shareStorage(NDArray tensor, NDArray source) {
    sameShape("shareStorage", "source", source, tensor);
    sameType("shareStorage", "source", source, tensor);
    close(SET.call(tensor, source));
  }

  /** The value of a tensor with one element. */
  public static double item(NDArray x) {
    require(x.size() == 1, "item", "x", x, "one element");
    return toDoubles(x)[0];
  }

  /**
   * A number as a float64 tensor without dimensions: it takes the type of what it is combined with.
   */
  static NDArray scalar(double value) {
    return Constants.of(value);
  }

  private static void close(NDArray alias) {
    // In-place operators return a second handle on the same tensor.
    alias.close();
  }

  private static PtNDArray pt(NDArray x) {
    return (PtNDArray) x;
  }
}
