// The Mamba-2 mixer between its two projections, forward and backward: causal convolution of width 4
// over x, B and C; h_t = a_t h_{t-1} + B_t x_t^T, y_t = C_t h_t + D x_t with log a = -softplus(A);
// gate SiLU(z + z_bias). One block of threads walks one head of one sequence chunk by chunk and keeps
// the state in registers, so that each input is read and each output written once.
//
// Compiled for HEAD (head size P) and STATE (state size N), multiples of 16.
// "projected" is (batch, length, row) with the columns x, B, C, z, A; all tensors are row-major.

#include "common.cuh"

#define P HEAD
#define N STATE
#define LDP (P + PAD)
#define LDN (N + PAD)
#define STATE_TILES ((N / 16 + 3) / 4)  // of 16 state rows, for each warp

struct Columns {
  int x, b, c, z, a;
};

__device__ __forceinline__ Columns columns(int head, int heads) {
  Columns at;
  at.x = head * P;
  at.b = heads * P + head * N;
  at.c = heads * P + heads * N + head * N;
  at.z = heads * P + 2 * heads * N + head * P;
  at.a = 2 * heads * P + 2 * heads * N + head;
  return at;
}

// A tile of ROWS positions from t0 on of some channels after the convolution; zeros past the end.
template <int WIDTH>
__device__ __forceinline__ void load_convolved(bf16* tile, const bf16* sequence, long row, int channel,
                                               const bf16* weight, const bf16* bias, int t0, int length) {
  const int stride = WIDTH + PAD;
  for (int item = threadIdx.x; item < (WIDTH / 8) * (ROWS / 4); item += THREADS) {
    int c = (item % (WIDTH / 8)) * 8;
    int first = (item / (WIDTH / 8)) * 4;
    uint4 window[7];
#pragma unroll
    for (int i = 0; i < 7; i++) {
      int t = t0 + first - 3 + i;
      window[i] = t >= 0 && t < length
          ? *reinterpret_cast<const uint4*>(sequence + t * row + channel + c)
          : make_uint4(0, 0, 0, 0);
    }
#pragma unroll
    for (int pair = 0; pair < 4; pair++) {
      float w[2][4];
      float offset[2];
#pragma unroll
      for (int k = 0; k < 2; k++) {
        int at = channel + c + pair * 2 + k;
        offset[k] = to_float(bias[at]);
#pragma unroll
        for (int tap = 0; tap < 4; tap++) w[k][tap] = to_float(weight[at * 4 + tap]);
      }
#pragma unroll
      for (int r = 0; r < 4; r++) {
        float even = offset[0];
        float odd = offset[1];
#pragma unroll
        for (int tap = 0; tap < 4; tap++) {
          u32 raw = reinterpret_cast<const u32*>(&window[r + tap])[pair];
          even += w[0][tap] * low(raw);
          odd += w[1][tap] * high(raw);
        }
        bool inside = t0 + first + r < length;
        put_pair(tile + (first + r) * stride + c + pair * 2, inside ? even : 0.f, inside ? odd : 0.f);
      }
    }
  }
}

// Running sums of log a over the chunk, by the first warp.
__device__ __forceinline__ void load_decays(float* sums, const bf16* sequence, long row, int column,
                                            int t0, int length) {
  int lane = threadIdx.x;
  if (lane >= 32) return;
  float value[2];
#pragma unroll
  for (int k = 0; k < 2; k++) {
    int t = t0 + lane * 2 + k;
    value[k] = t < length ? -softplus(to_float(sequence[t * row + column])) : 0.f;
  }
  float sum = value[0] + value[1];
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    float before = __shfl_up_sync(0xffffffffu, sum, distance);
    if (lane >= distance) sum += before;
  }
  sums[lane * 2 + 1] = sum;
  sums[lane * 2] = sum - value[1];
}

// Rows are query positions i, columns key positions j: acc *= exp(s_i - s_j) where j <= i, else 0.
__device__ __forceinline__ void decay_later_rows(float (&acc)[8][4], const float* sums, int row) {
  int pair = (threadIdx.x & 3) * 2;
#pragma unroll
  for (int n = 0; n < 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      int i = row + (e >> 1) * 8;
      int j = n * 8 + pair + (e & 1);
      acc[n][e] = j <= i ? acc[n][e] * __expf(sums[i] - sums[j]) : 0.f;
    }
}

// As above with rows j and columns i.
__device__ __forceinline__ void decay_later_columns(float (&acc)[8][4], const float* sums, int row) {
  int pair = (threadIdx.x & 3) * 2;
#pragma unroll
  for (int n = 0; n < 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      int j = row + (e >> 1) * 8;
      int i = n * 8 + pair + (e & 1);
      acc[n][e] = j <= i ? acc[n][e] * __expf(sums[i] - sums[j]) : 0.f;
    }
}

// states (batch, heads, chunks, N, P) gets the state that enters each chunk; it may be null.
extern "C" __global__ void __launch_bounds__(THREADS)
    mixer_forward(const bf16* projected, long row, const bf16* conv_weight, const bf16* conv_bias,
                  const bf16* z_bias, const bf16* skip, bf16* out, bf16* states, int length, int heads) {
  extern __shared__ __align__(16) bf16 shared[];
  bf16* xs = shared;
  bf16* bs = xs + ROWS * LDP;
  bf16* cs = bs + ROWS * LDN;
  bf16* ss = cs + ROWS * LDN;
  __shared__ float sums[ROWS];
  __shared__ float to_end[ROWS];

  int head = blockIdx.x, batch = blockIdx.y;
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  int own = warp * 16 + (lane >> 2), pair = (lane & 3) * 2;
  Columns at = columns(head, heads);
  const bf16* sequence = projected + (long)batch * length * row;
  int chunks = (length + ROWS - 1) / ROWS;
  float d = to_float(skip[head]);

  float state[STATE_TILES][P / 8][4];
#pragma unroll
  for (int tile = 0; tile < STATE_TILES; tile++) clear(state[tile]);

  for (int chunk = 0; chunk < chunks; chunk++) {
    int t0 = chunk * ROWS;
    load_convolved<P>(xs, sequence, row, at.x, conv_weight, conv_bias, t0, length);
    load_convolved<N>(bs, sequence, row, at.b, conv_weight, conv_bias, t0, length);
    load_convolved<N>(cs, sequence, row, at.c, conv_weight, conv_bias, t0, length);
    load_decays(sums, sequence, row, at.a, t0, length);
    __syncthreads();
    if (threadIdx.x < ROWS) to_end[threadIdx.x] = __expf(sums[ROWS - 1] - sums[threadIdx.x]);

    float y[P / 8][4];
    clear(y);
    {
      u32 c[N / 16][4];
      load_rows(c, cs, warp * 16, LDN);
      if (chunk > 0) {
        multiply(y, c, ss, LDP);
        scale_rows(y, __expf(sums[own]), __expf(sums[own + 8]));
      }
      float scores[8][4];
      clear(scores);
      multiply_transposed(scores, c, bs, LDN);
      decay_later_rows(scores, sums, own);
      u32 matrix[4][4];
      as_operand<8>(matrix, scores);
      multiply(y, matrix, xs, LDP);
    }
#pragma unroll
    for (int n = 0; n < P / 8; n++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        int i = own + half * 8, t = t0 + i, column = n * 8 + pair;
        if (t < length) {
          u32 x = pair_at(xs + i * LDP + column);
          u32 z = pair_at(sequence + t * row + at.z + column);
          u32 zb = pair_at(z_bias + head * P + column);
          float z0 = low(z) + low(zb), z1 = high(z) + high(zb);
          put_pair(out + ((long)batch * length + t) * heads * P + head * P + column,
                   (y[n][half * 2] + d * low(x)) * z0 * sigmoid(z0),
                   (y[n][half * 2 + 1] + d * high(x)) * z1 * sigmoid(z1));
        }
      }
    __syncthreads();  // to_end is there, ss has been read
    float decay = __expf(sums[ROWS - 1]);
    bf16* saved = states == nullptr
        ? nullptr
        : states + (((long)batch * heads + head) * chunks + chunk) * N * P;
#pragma unroll
    for (int tile = 0; tile < STATE_TILES; tile++) {
      int n0 = (warp + 4 * tile) * 16;
      if (n0 >= N) continue;
      int r = n0 + (lane >> 2);
      if (saved != nullptr) {
#pragma unroll
        for (int n = 0; n < P / 8; n++) {
          put_pair(saved + r * P + n * 8 + pair, state[tile][n][0], state[tile][n][1]);
          put_pair(saved + (r + 8) * P + n * 8 + pair, state[tile][n][2], state[tile][n][3]);
        }
      }
      u32 b[4][4];
      load_columns(b, bs, n0, LDN);
      scale_columns(b, to_end);
      scale_rows(state[tile], decay, decay);
      multiply(state[tile], b, xs, LDP);
#pragma unroll
      for (int n = 0; n < P / 8; n++) {
        put_pair(ss + r * LDP + n * 8 + pair, state[tile][n][0], state[tile][n][1]);
        put_pair(ss + (r + 8) * LDP + n * 8 + pair, state[tile][n][2], state[tile][n][3]);
      }
    }
    __syncthreads();  // the tiles have been read
  }
}

// G = out_gradient SiLU(z + z_bias), the gradient of y.
__device__ __forceinline__ void load_gated(bf16* tile, const bf16* sequence, long row, int column,
                                           const bf16* z_bias, const bf16* gradient, long gradient_row,
                                           int t0, int length) {
  for (int item = threadIdx.x; item < (P / 8) * ROWS; item += THREADS) {
    int c = (item % (P / 8)) * 8, r = item / (P / 8), t = t0 + r;
    uint4 g = make_uint4(0, 0, 0, 0), z = g, zb = g;
    if (t < length) {
      g = *reinterpret_cast<const uint4*>(gradient + t * gradient_row + c);
      z = *reinterpret_cast<const uint4*>(sequence + t * row + column + c);
      zb = *reinterpret_cast<const uint4*>(z_bias + c);
    }
#pragma unroll
    for (int k = 0; k < 4; k++) {
      u32 gs = reinterpret_cast<u32*>(&g)[k], zs = reinterpret_cast<u32*>(&z)[k];
      u32 zbs = reinterpret_cast<u32*>(&zb)[k];
      float z0 = low(zs) + low(zbs), z1 = high(zs) + high(zbs);
      put_pair(tile + r * LDP + c + k * 2, low(gs) * z0 * sigmoid(z0), high(gs) * z1 * sigmoid(z1));
    }
  }
}

// Writes rows of a gradient tile to (batch, length, ...).
template <int C>
__device__ __forceinline__ void store_rows(const float (&acc)[C][4], bf16* sequence, long row, int column,
                                           int own, int t0, int length) {
  int pair = (threadIdx.x & 3) * 2;
#pragma unroll
  for (int n = 0; n < C; n++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int t = t0 + own + half * 8;
      if (t < length) {
        put_pair(sequence + t * row + column + n * 8 + pair, acc[n][half * 2], acc[n][half * 2 + 1]);
      }
    }
}

// Gradients from that of the mixer's gated output. Of projected_gradient only the columns z and A are
// written; convolved_gradient (batch, length, channels of x, B, C) is for convolution_backward.
// skip_gradient (batch, heads). The gradient of log a_t is the sum over i >= t in the chunk of
// G_i . y_i - x_i . dx_i, plus <state, its gradient> at the chunk's end.
extern "C" __global__ void __launch_bounds__(THREADS)
    mixer_backward(const bf16* projected, long row, const bf16* conv_weight, const bf16* conv_bias,
                   const bf16* z_bias, const bf16* skip, const bf16* out_gradient, const bf16* states,
                   bf16* projected_gradient, bf16* convolved_gradient, float* skip_gradient, int length,
                   int heads) {
  extern __shared__ __align__(16) bf16 shared[];
  bf16* xs = shared;
  bf16* bs = xs + ROWS * LDP;
  bf16* cs = bs + ROWS * LDN;
  bf16* gs = cs + ROWS * LDN;
  bf16* ss = gs + ROWS * LDP;
  bf16* dss = ss + N * LDP;
  __shared__ float sums[ROWS];
  __shared__ float to_end[ROWS];
  __shared__ float from_start[ROWS];
  __shared__ float sums_gradient[ROWS];
  __shared__ float scratch[THREADS / 32];

  int head = blockIdx.x, batch = blockIdx.y;
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  int own = warp * 16 + (lane >> 2), pair = (lane & 3) * 2;
  Columns at = columns(head, heads);
  const bf16* sequence = projected + (long)batch * length * row;
  bf16* sequence_gradient = projected_gradient + (long)batch * length * row;
  long channels = (long)heads * (P + 2 * N);
  bf16* convolved = convolved_gradient + (long)batch * length * channels;
  const bf16* gradient = out_gradient + (long)batch * length * heads * P + head * P;
  int chunks = (length + ROWS - 1) / ROWS;
  float d = to_float(skip[head]);
  float d_gradient = 0.f;
  float end = 0.f;  // <state after the chunk, its gradient>

  float ds[STATE_TILES][P / 8][4];  // gradient of the state after the chunk
#pragma unroll
  for (int tile = 0; tile < STATE_TILES; tile++) clear(ds[tile]);
  for (int i = threadIdx.x; i < N * LDP; i += THREADS) dss[i] = 0;

  for (int chunk = chunks - 1; chunk >= 0; chunk--) {
    int t0 = chunk * ROWS;
    load_convolved<P>(xs, sequence, row, at.x, conv_weight, conv_bias, t0, length);
    load_convolved<N>(bs, sequence, row, at.b, conv_weight, conv_bias, t0, length);
    load_convolved<N>(cs, sequence, row, at.c, conv_weight, conv_bias, t0, length);
    load_gated(gs, sequence, row, at.z, z_bias + head * P, gradient, (long)heads * P, t0, length);
    const bf16* saved = states + (((long)batch * heads + head) * chunks + chunk) * N * P;
    for (int item = threadIdx.x; item < N * P / 8; item += THREADS) {
      int r = item / (P / 8), c = (item % (P / 8)) * 8;
      *reinterpret_cast<uint4*>(ss + r * LDP + c) = *reinterpret_cast<const uint4*>(saved + r * P + c);
    }
    load_decays(sums, sequence, row, at.a, t0, length);
    __syncthreads();
    if (threadIdx.x < ROWS) {
      to_end[threadIdx.x] = __expf(sums[ROWS - 1] - sums[threadIdx.x]);
      from_start[threadIdx.x] = __expf(sums[threadIdx.x]);
    }
    __syncthreads();
    float dot[2] = {0.f, 0.f};  // G_i . y_i - x_i . dx_i of the two rows of this lane

    {  // y, for the gradients of z and of the decays
      float y[P / 8][4];
      clear(y);
      u32 c[N / 16][4];
      load_rows(c, cs, warp * 16, LDN);
      multiply(y, c, ss, LDP);
      scale_rows(y, from_start[own], from_start[own + 8]);
      float scores[8][4];
      clear(scores);
      multiply_transposed(scores, c, bs, LDN);
      decay_later_rows(scores, sums, own);
      u32 matrix[4][4];
      as_operand<8>(matrix, scores);
      multiply(y, matrix, xs, LDP);
#pragma unroll
      for (int n = 0; n < P / 8; n++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
          int i = own + half * 8, t = t0 + i, column = n * 8 + pair;
          u32 x = pair_at(xs + i * LDP + column);
          u32 g = pair_at(gs + i * LDP + column);
          float y0 = y[n][half * 2], y1 = y[n][half * 2 + 1];
          dot[half] += y0 * low(g) + y1 * high(g);
          d_gradient += low(x) * low(g) + high(x) * high(g);
          if (t < length) {
            u32 z = pair_at(sequence + t * row + at.z + column);
            u32 zb = pair_at(z_bias + head * P + column);
            u32 o = pair_at(gradient + (long)t * heads * P + column);
            float z0 = low(z) + low(zb), z1 = high(z) + high(zb);
            float s0 = sigmoid(z0), s1 = sigmoid(z1);
            put_pair(sequence_gradient + t * row + at.z + column,
                     low(o) * (y0 + d * low(x)) * s0 * (1.f + z0 * (1.f - s0)),
                     high(o) * (y1 + d * high(x)) * s1 * (1.f + z1 * (1.f - s1)));
          }
        }
    }
    {  // dC_i = sum over j of (G_i . x_j) L_ij B_j, and of the state
      u32 g[P / 16][4];
      load_rows(g, gs, warp * 16, LDP);
      float dc[N / 8][4];
      clear(dc);
      multiply_transposed(dc, g, ss, LDP);
      scale_rows(dc, from_start[own], from_start[own + 8]);
      float scores[8][4];
      clear(scores);
      multiply_transposed(scores, g, xs, LDP);
      decay_later_rows(scores, sums, own);
      u32 matrix[4][4];
      as_operand<8>(matrix, scores);
      multiply(dc, matrix, bs, LDN);
      store_rows(dc, convolved, channels, at.c, own, t0, length);
    }
    {  // dx_j = sum over i of (C_i . B_j) L_ij G_i, and of the state
      u32 b[N / 16][4];
      load_rows(b, bs, warp * 16, LDN);
      float dx[P / 8][4];
      clear(dx);
      multiply(dx, b, dss, LDP);
      scale_rows(dx, to_end[own], to_end[own + 8]);
      float scores[8][4];
      clear(scores);
      multiply_transposed(scores, b, cs, LDN);
      decay_later_columns(scores, sums, own);
      u32 matrix[4][4];
      as_operand<8>(matrix, scores);
      multiply(dx, matrix, gs, LDP);
#pragma unroll
      for (int n = 0; n < P / 8; n++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
          int i = own + half * 8, column = n * 8 + pair;
          u32 x = pair_at(xs + i * LDP + column);
          u32 g = pair_at(gs + i * LDP + column);
          dot[half] -= dx[n][half * 2] * low(x) + dx[n][half * 2 + 1] * high(x);
          dx[n][half * 2] += d * low(g);
          dx[n][half * 2 + 1] += d * high(g);
        }
      store_rows(dx, convolved, channels, at.x, own, t0, length);
    }
    {  // dB_j = sum over i of (G_i . x_j) L_ij C_i, and of the state
      u32 x[P / 16][4];
      load_rows(x, xs, warp * 16, LDP);
      float db[N / 8][4];
      clear(db);
      multiply_transposed(db, x, dss, LDP);
      scale_rows(db, to_end[own], to_end[own + 8]);
      float scores[8][4];
      clear(scores);
      multiply_transposed(scores, x, gs, LDP);
      decay_later_columns(scores, sums, own);
      u32 matrix[4][4];
      as_operand<8>(matrix, scores);
      multiply(db, matrix, cs, LDN);
      store_rows(db, convolved, channels, at.b, own, t0, length);
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float sum = row_sum(dot[half]);
      if ((lane & 3) == 0) sums_gradient[own + half * 8] = sum;
    }
    __syncthreads();  // dss has been read
    float part = 0.f;
    float decay = __expf(sums[ROWS - 1]);
#pragma unroll
    for (int tile = 0; tile < STATE_TILES; tile++) {
      int n0 = (warp + 4 * tile) * 16;
      if (n0 >= N) continue;
      int r = n0 + (lane >> 2);
      u32 c[4][4];
      load_columns(c, cs, n0, LDN);
      scale_columns(c, from_start);
      scale_rows(ds[tile], decay, decay);
      multiply(ds[tile], c, gs, LDP);
#pragma unroll
      for (int n = 0; n < P / 8; n++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
          int at_state = (r + half * 8) * LDP + n * 8 + pair;
          u32 s = pair_at(ss + at_state);
          part += ds[tile][n][half * 2] * low(s) + ds[tile][n][half * 2 + 1] * high(s);
          put_pair(dss + at_state, ds[tile][n][half * 2], ds[tile][n][half * 2 + 1]);
        }
    }
    if (threadIdx.x < 32) {  // sums from each position to the chunk's end
      float second = sums_gradient[lane * 2 + 1];
      float sum = sums_gradient[lane * 2] + second;
#pragma unroll
      for (int distance = 1; distance < 32; distance *= 2) {
        float after = __shfl_down_sync(0xffffffffu, sum, distance);
        if (lane + distance < 32) sum += after;
      }
      float later = sum - sums_gradient[lane * 2];  // from the second position on
#pragma unroll
      for (int k = 0; k < 2; k++) {
        int t = t0 + lane * 2 + k;
        if (t < length) {
          float a = to_float(sequence[t * row + at.a]);
          sequence_gradient[t * row + at.a] = to_bf16(-sigmoid(a) * ((k == 0 ? sum : later) + end));
        }
      }
    }
    end = block_sum(part, scratch);
  }
  float total = block_sum(d_gradient, scratch);
  if (threadIdx.x == 0) skip_gradient[batch * heads + head] = total;
}
