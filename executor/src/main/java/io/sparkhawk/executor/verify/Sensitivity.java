package io.sparkhawk.executor.verify;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Parameter;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;

/**
 * How much each quantity of a case moves when the weights move by bfloat16's rounding: the relative
 * change, measured in float32. It is the error that the best bfloat16 computation must expect, and
 * what bfloat16 tolerances are multiples of: a sum whose terms cancel, such as the gradient of D,
 * moves a hundred times more than a hidden state.
 */
final class Sensitivity implements Tolerances {

  /** Half the distance of 1 to the next bfloat16 number: 8 bits of precision. */
  static final double ROUNDOFF = 0x1p-8;

  /** Draws whose mean square is taken; one alone may by chance hardly move a short quantity. */
  private static final int DRAWS = 4;

  /** Roundings of activations and their gradients besides those of the weights; see the docs. */
  static final double FACTOR = 6;

  /** Beyond this a quantity says nothing any more, however sensitive it is. */
  static final double LARGEST = 0.5;

  private static final String ALL_GRADIENTS = "stage3.grad";

  private final Map<String, double[]> exact = new HashMap<>();
  private final Map<String, Double> squares = new HashMap<>();

  private Sensitivity() {}

  /** Runs the case once as it is and several times with changed weights. */
  static Sensitivity measure(ReferenceCase reference, Device device) {
    Sensitivity sensitivity = new Sensitivity();
    run(reference, device, sensitivity.exact, model -> {});
    for (int seed = 0; seed < DRAWS; seed++) {
      Random random = new Random(seed);
      Map<String, double[]> moved = new HashMap<>();
      run(reference, device, moved, model -> move(model, random));
      moved.forEach(sensitivity::add);
    }
    sensitivity.exact.clear();
    return sensitivity;
  }

  private static void run(
      ReferenceCase reference,
      Device device,
      Map<String, double[]> values,
      Consumer<LanguageModel> onLoad) {
    CaseRun run =
        new CaseRun(
            reference,
            device,
            ElementType.FLOAT32,
            onLoad,
            quantity -> values.put(quantity.name(), quantity.values()));
    run.run();
    values.put(ALL_GRADIENTS, run.distill(reference.studentConfig(), false).gradients());
  }

  /** Multiplies each weight by a number between 1 - roundoff and 1 + roundoff. */
  private static void move(LanguageModel model, Random random) {
    for (Parameter parameter : model.parameters()) {
      float[] factors = new float[Math.toIntExact(parameter.size())];
      for (int i = 0; i < factors.length; i++) {
        factors[i] = (float) (1 + ROUNDOFF * (2 * random.nextDouble() - 1));
      }
      try (TensorScope scope = TensorScope.open()) {
        NDArray factor =
            HostMemory.tensor(
                model.manager(), factors, ElementType.FLOAT32, parameter.shape().getShape());
        parameter.replace(TensorScope.detach(Operators.multiply(parameter.value(), factor)));
        factor.close();
      }
    }
  }

  private void add(String quantity, double[] moved) {
    Shape shape = new Shape(moved.length);
    Quantity before = new Quantity(quantity, shape, exact.get(quantity));
    Quantity after = new Quantity(quantity, shape, moved);
    double change = Comparison.of(after, before, 0).relativeError();
    squares.merge(quantity, change * change / DRAWS, Double::sum);
  }

  /** The measured relative change. */
  double change(String quantity) {
    return Math.sqrt(squares.getOrDefault(quantity, 0.0));
  }

  /** A multiple of the change, or of the roundoff where that is larger. */
  @Override
  public double of(String quantity) {
    String measured = quantity.replaceFirst(" with .*", "");
    return Math.min(LARGEST, FACTOR * Math.max(change(measured), ROUNDOFF));
  }
}
