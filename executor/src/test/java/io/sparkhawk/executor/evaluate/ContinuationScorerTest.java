package io.sparkhawk.executor.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.types.Shape;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ContinuationScorerTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @ParameterizedTest
  @ValueSource(strings = {"pure/teacher", "pure/student", "hybrid/student"})
  void batchesAndFillingChangeNothing(String folder) {
    long seed = new SplittableRandom().nextLong();
    System.out.println("seed " + seed);
    try (LanguageModel model =
        Models.load(GOLDEN.resolve(folder), Device.cpu(), ElementType.FLOAT64)) {
      List<EncodedRequest> requests = requests(model, new SplittableRandom(seed));

      List<Score> expected = requests.stream().map(request -> naive(model, request)).toList();

      assertThat(expected).extracting(Score::greedy).contains(true, false);
      for (int positions : new int[] {1, 40, 4096}) {
        List<Score> scores = new ContinuationScorer(model, positions).score(requests);
        assertThat(scores).hasSameSizeAs(expected);
        for (int i = 0; i < scores.size(); i++) {
          assertThat(scores.get(i).logLikelihood())
              .isCloseTo(expected.get(i).logLikelihood(), within(1e-9));
          assertThat(scores.get(i).greedy()).isEqualTo(expected.get(i).greedy());
        }
      }
    }
  }

  /** Random texts of several lengths, and the model's own first choices among them. */
  private static List<EncodedRequest> requests(LanguageModel model, SplittableRandom random) {
    List<EncodedRequest> requests = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      int length = random.nextInt(2, 30);
      int[] ids = random.ints(length, 0, (int) model.vocabulary()).toArray();
      int continuation = random.nextInt(1, length);
      requests.add(new EncodedRequest(ids, continuation, false));
      if (i < 3) {
        int[] greedy = ids.clone();
        double[][] logits = logits(model, ids);
        greedy[length - 1] = argMax(logits[length - 2]);
        requests.add(new EncodedRequest(greedy, 1, false));
      }
    }
    return requests;
  }

  /** The definition: each token's logarithm of exp(logit) over the sum, from all logits. */
  private static Score naive(LanguageModel model, EncodedRequest request) {
    double[][] logits = logits(model, request.ids());
    double sum = 0;
    boolean greedy = true;
    int length = request.ids().length;
    for (int i = length - request.continuation(); i < length; i++) {
      double total = 0;
      for (double logit : logits[i - 1]) {
        total += Math.exp(logit);
      }
      sum += logits[i - 1][request.ids()[i]] - Math.log(total);
      greedy &= argMax(logits[i - 1]) == request.ids()[i];
    }
    return new Score(sum, greedy);
  }

  private static double[][] logits(LanguageModel model, int[] ids) {
    try (TensorScope scope = TensorScope.open();
        Gradients paused = Gradients.pause()) {
      double[] flat =
          Operators.toDoubles(
              model
                  .head()
                  .forward(
                      model
                          .finalNorm()
                          .forward(
                              model.hidden(
                                  model.manager().create(ids, new Shape(1, ids.length))))));
      double[][] logits = new double[ids.length][flat.length / ids.length];
      for (int i = 0; i < flat.length; i++) {
        logits[i / logits[0].length][i % logits[0].length] = flat[i];
      }
      return logits;
    }
  }

  private static int argMax(double[] x) {
    int best = 0;
    for (int i = 1; i < x.length; i++) {
      best = x[i] > x[best] ? i : best;
    }
    return best;
  }
}
