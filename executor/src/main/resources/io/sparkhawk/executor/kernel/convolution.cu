// Causal depth-wise convolution of width 4 over positions: forward, and backward with the weights'
// gradients as sums over strips of positions (one strip for each block, summed by the caller: the
// order of the additions is fixed).

#include "common.cuh"

#define STRIP 256

// out (batch, length, channels) of input (batch, length, row); each thread has two channels.
extern "C" __global__ void __launch_bounds__(THREADS)
    convolution_forward(const bf16* input, long row, const bf16* weight, const bf16* bias, bf16* out,
                        int length, int channels) {
  int c = (blockIdx.x * THREADS + threadIdx.x) * 2;
  if (c >= channels) return;
  int batch = blockIdx.z, first = blockIdx.y * STRIP, last = min(first + STRIP, length);
  const bf16* in = input + (long)batch * length * row + c;
  bf16* to = out + (long)batch * length * channels + c;
  float w[2][4], window[2][4];
  for (int k = 0; k < 2; k++)
    for (int tap = 0; tap < 4; tap++) w[k][tap] = to_float(weight[(c + k) * 4 + tap]);
  float b0 = to_float(bias[c]), b1 = to_float(bias[c + 1]);
  for (int tap = 0; tap < 3; tap++) {
    int t = first - 3 + tap;
    u32 raw = t >= 0 ? pair_at(in + t * row) : 0;
    window[0][tap + 1] = low(raw);
    window[1][tap + 1] = high(raw);
  }
#pragma unroll 4
  for (int t = first; t < last; t++) {
    u32 raw = pair_at(in + t * row);
    float sum0 = b0, sum1 = b1;
#pragma unroll
    for (int tap = 0; tap < 4; tap++) {
      window[0][tap] = tap < 3 ? window[0][tap + 1] : low(raw);
      window[1][tap] = tap < 3 ? window[1][tap + 1] : high(raw);
      sum0 += w[0][tap] * window[0][tap];
      sum1 += w[1][tap] * window[1][tap];
    }
    put_pair(to + (long)t * channels, sum0, sum1);
  }
}

// input_gradient (batch, length, row) from out_gradient (batch, length, channels), times
// scale[batch, group] where each group has group_size neighbouring channels; scale may be null.
// weight_gradient (batch * strips, channels, 5): the four taps and the bias.
extern "C" __global__ void __launch_bounds__(THREADS)
    convolution_backward(const bf16* input, long row, const bf16* weight, const bf16* out_gradient,
                         const float* scale, int group_size, int groups, bf16* input_gradient,
                         float* weight_gradient, int length, int channels) {
  int c = (blockIdx.x * THREADS + threadIdx.x) * 2;
  if (c >= channels) return;
  int batch = blockIdx.z, first = blockIdx.y * STRIP, last = min(first + STRIP, length);
  const bf16* in = input + (long)batch * length * row + c;
  const bf16* gradient = out_gradient + (long)batch * length * channels + c;
  bf16* to = input_gradient + (long)batch * length * row + c;
  float factor = scale == nullptr ? 1.f : scale[batch * groups + (c / group_size) % groups];
  float w[2][4], dw[2][4], before[2][4], later[2][4];
  for (int k = 0; k < 2; k++)
    for (int tap = 0; tap < 4; tap++) {
      w[k][tap] = to_float(weight[(c + k) * 4 + tap]);
      dw[k][tap] = 0.f;
    }
  float db[2] = {0.f, 0.f};
  for (int tap = 0; tap < 3; tap++) {
    int t = first - 3 + tap;
    u32 raw = t >= 0 ? pair_at(in + t * row) : 0;
    before[0][tap + 1] = low(raw);
    before[1][tap + 1] = high(raw);
    int after = first + tap;
    u32 g = after < length ? pair_at(gradient + (long)after * channels) : 0;
    later[0][tap + 1] = factor * low(g);
    later[1][tap + 1] = factor * high(g);
  }
#pragma unroll 4
  for (int t = first; t < last; t++) {
    u32 raw = pair_at(in + t * row);
    u32 g = t + 3 < length ? pair_at(gradient + (long)(t + 3) * channels) : 0;
    float sum[2];
#pragma unroll
    for (int k = 0; k < 2; k++) {
#pragma unroll
      for (int tap = 0; tap < 3; tap++) {
        before[k][tap] = before[k][tap + 1];
        later[k][tap] = later[k][tap + 1];
      }
      before[k][3] = k == 0 ? low(raw) : high(raw);
      later[k][3] = factor * (k == 0 ? low(g) : high(g));
      sum[k] = 0.f;
#pragma unroll
      for (int tap = 0; tap < 4; tap++) {
        dw[k][tap] += later[k][0] * before[k][tap];
        sum[k] += w[k][tap] * later[k][3 - tap];
      }
      db[k] += later[k][0];
    }
    put_pair(to + t * row, sum[0], sum[1]);
  }
  float* weights = weight_gradient + (((long)batch * gridDim.y + blockIdx.y) * channels + c) * 5;
#pragma unroll
  for (int k = 0; k < 2; k++) {
#pragma unroll
    for (int tap = 0; tap < 4; tap++) weights[k * 5 + tap] = dw[k][tap];
    weights[k * 5 + 4] = db[k];
  }
}
