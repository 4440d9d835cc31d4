package io.sparkhawk.executor.model;

import java.util.Map;

/** A mixer on one sequence, computed number by number from its definition. */
final class MixerDefinition {

  private final MixerShape shape;
  private final Map<String, float[]> weights; // by name without the mixer's
  private final float[][] u; // (length, width)
  private final int states;

  MixerDefinition(MixerShape shape, Map<String, float[]> weights, float[][] u) {
    this.shape = shape;
    this.weights = weights;
    this.u = u;
    this.states = shape.kind() == MixerKind.TOEPLITZ ? 0 : shape.heads() * shape.stateSize();
  }

  private float weight(String name, int at) {
    return weights.get(name)[at];
  }

  private double projected(int position, int row) {
    double sum = 0;
    for (int k = 0; k < shape.width(); k++) {
      sum += weight("in_proj.weight", row * shape.width() + k) * (double) u[position][k];
    }
    return sum;
  }

  private double convolved(int position, int channel) {
    double sum = weight("conv1d.bias", channel);
    for (int tap = 0; tap < shape.convWidth(); tap++) {
      int from = position - shape.convWidth() + 1 + tap;
      if (from >= 0) {
        sum +=
            weight("conv1d.weight", channel * shape.convWidth() + tap) * projected(from, channel);
      }
    }
    return sum;
  }

  private double x(int position, int channel) {
    return convolved(position, channel);
  }

  private double b(int position, int head, int n) {
    return convolved(position, shape.innerWidth() + head * shape.stateSize() + n);
  }

  private double c(int position, int head, int n) {
    return convolved(position, shape.innerWidth() + states + head * shape.stateSize() + n);
  }

  private double decay(int position, int head) {
    if (shape.kind() != MixerKind.MAMBA2) {
      return 1;
    }
    double a = projected(position, 2 * shape.innerWidth() + 2 * states + head);
    return 1 / (1 + Math.exp(a)); // exp(-softplus(a))
  }

  private double entry(int head, int i, int j) {
    double value = 0;
    if (shape.kind() == MixerKind.TOEPLITZ) {
      int positions = weights.get("kernel").length / shape.heads();
      value = weight("kernel", head * positions + i - j);
    }
    for (int n = 0; n < states / shape.heads(); n++) {
      value += c(i, head, n) * b(j, head, n);
    }
    for (int k = j + 1; k <= i; k++) {
      value *= decay(k, head);
    }
    return i == j ? value + weight("D", head) : value;
  }

  /** (heads, length, length). */
  double[] matrices() {
    int length = u.length;
    double[] matrices = new double[shape.heads() * length * length];
    for (int head = 0; head < shape.heads(); head++) {
      for (int i = 0; i < length; i++) {
        for (int j = 0; j <= i; j++) {
          matrices[(head * length + i) * length + j] = entry(head, i, j);
        }
      }
    }
    return matrices;
  }

  /** (length, width): W (gate * (T x)). */
  double[] outputs() {
    double[] matrices = matrices();
    double[] outputs = new double[u.length * shape.width()];
    for (int i = 0; i < u.length; i++) {
      for (int channel = 0; channel < shape.innerWidth(); channel++) {
        int head = channel / shape.headSize();
        double y = 0;
        for (int j = 0; j <= i; j++) {
          y += matrices[(head * u.length + i) * u.length + j] * x(j, channel);
        }
        double z =
            projected(i, shape.innerWidth() + 2 * states + channel) + weight("z_bias", channel);
        double gated = y * z / (1 + Math.exp(-z));
        for (int k = 0; k < shape.width(); k++) {
          outputs[i * shape.width() + k] +=
              weight("out_proj.weight", k * shape.innerWidth() + channel) * gated;
        }
      }
    }
    return outputs;
  }
}
