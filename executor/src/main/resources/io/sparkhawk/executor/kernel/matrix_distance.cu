// Stage 1 without the matrices: for each head the squared Frobenius norm of M - A and its gradients,
// M the mixer's matrix (C_i . B_j) exp(s_i - s_j) + D [i = j], A the attention softmax(q k^T / sqrt(size)),
// in tiles of 64 x 64 that are made, compared and differentiated in registers. One kernel walks rows
// (softmax sums, loss, gradients of C), the other columns (gradients of B): nothing is added atomically.
//
// Compiled for HEAD (the teacher's head size) and STATE (state size), multiples of 16.
// query, key (batch, length, heads, head size); b and c are columns of convolved (batch, length,
// 2 heads STATE), B before C; sums (batch, heads, length) are the running sums of log a.
// Gradients are those of half the squared norm: the caller divides by the norm.

#include "common.cuh"

#define P HEAD
#define N STATE
#define LDP (P + PAD)
#define LDN (N + PAD)

template <int WIDTH>
__device__ __forceinline__ void load_tile(bf16* tile, const bf16* from, long row, int t0, int length) {
  for (int item = threadIdx.x; item < (WIDTH / 8) * ROWS; item += THREADS) {
    int c = (item % (WIDTH / 8)) * 8, r = item / (WIDTH / 8), t = t0 + r;
    *reinterpret_cast<uint4*>(tile + r * (WIDTH + PAD) + c) = t < length
        ? *reinterpret_cast<const uint4*>(from + t * row + c)
        : make_uint4(0, 0, 0, 0);
  }
}

__device__ __forceinline__ void load_numbers(float* to, const float* from, int t0, int length) {
  if (threadIdx.x < ROWS) to[threadIdx.x] = t0 + threadIdx.x < length ? from[t0 + threadIdx.x] : 0.f;
}

template <int C>
__device__ __forceinline__ void store_tile(const float (&acc)[C][4], bf16* to, long row, int own, int t0,
                                           int length) {
  int pair = (threadIdx.x & 3) * 2;
#pragma unroll
  for (int n = 0; n < C; n++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int t = t0 + own + half * 8;
      if (t < length) put_pair(to + t * row + n * 8 + pair, acc[n][half * 2], acc[n][half * 2 + 1]);
    }
}

// log_sums (batch, heads, length): log of the softmax's denominators, for the other kernel.
// squares, skip_gradient (batch, heads, row tiles): parts of the squared norm and of D's gradient.
// c_gradient like convolved; sums_gradient (batch, heads, length).
extern "C" __global__ void __launch_bounds__(THREADS)
    matrix_rows(const bf16* query, const bf16* key, const bf16* convolved, const float* sums,
                const bf16* skip, float* log_sums, float* squares, float* skip_gradient, bf16* c_gradient,
                float* sums_gradient, int length, int heads, float scale) {
  extern __shared__ __align__(16) bf16 shared[];
  bf16* qs = shared;
  bf16* cs = qs + ROWS * LDP;
  bf16* ks = cs + ROWS * LDN;
  bf16* bs = ks + ROWS * LDP;
  __shared__ float row_sums[ROWS], column_sums[ROWS], scratch[THREADS / 32];
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  int own = warp * 16 + (lane >> 2), pair = (lane & 3) * 2;
  int tile_i = gridDim.x - 1 - blockIdx.x;  // the longest rows first
  int head = blockIdx.y % heads, batch = blockIdx.y / heads, i0 = tile_i * ROWS;
  long width = (long)heads * P, channels = 2L * heads * N;
  const bf16* q = query + (long)batch * length * width + head * P;
  const bf16* k = key + (long)batch * length * width + head * P;
  const bf16* b = convolved + (long)batch * length * channels + head * N;
  const bf16* c = b + heads * N;
  const float* s = sums + (long)blockIdx.y * length;
  float d = to_float(skip[head]);

  load_tile<P>(qs, q, width, i0, length);
  load_tile<N>(cs, c, channels, i0, length);
  load_numbers(row_sums, s, i0, length);
  __syncthreads();
  u32 query_rows[P / 16][4], c_rows[N / 16][4];
  load_rows(query_rows, qs, warp * 16, LDP);
  load_rows(c_rows, cs, warp * 16, LDN);

  float top[2] = {-INFINITE, -INFINITE}, total[2] = {0.f, 0.f};
  for (int tile_j = 0; tile_j <= tile_i; tile_j++) {
    __syncthreads();
    load_tile<P>(ks, k, width, tile_j * ROWS, length);
    __syncthreads();
    float scores[8][4];
    clear(scores);
    multiply_transposed(scores, query_rows, ks, LDP);
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float largest = top[half];
#pragma unroll
      for (int n = 0; n < 8; n++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
          float& x = scores[n][half * 2 + e];
          bool seen = tile_j * ROWS + n * 8 + pair + e <= i0 + own + half * 8;
          x = seen ? x * scale : -INFINITE;
          largest = fmaxf(largest, x);
        }
      largest = row_max(largest);
      total[half] *= __expf(top[half] - largest);
      top[half] = largest;
#pragma unroll
      for (int n = 0; n < 8; n++)
        total[half] += __expf(scores[n][half * 2] - largest) + __expf(scores[n][half * 2 + 1] - largest);
    }
  }
  float log_sum[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    log_sum[half] = top[half] + __logf(row_sum(total[half]));
    int t = i0 + own + half * 8;
    if ((lane & 3) == 0 && t < length) log_sums[(long)blockIdx.y * length + t] = log_sum[half];
  }

  float square = 0.f, diagonal = 0.f, from_sums[2] = {0.f, 0.f};
  float dc[N / 8][4];
  clear(dc);
  for (int tile_j = 0; tile_j <= tile_i; tile_j++) {
    int j0 = tile_j * ROWS;
    __syncthreads();
    load_tile<P>(ks, k, width, j0, length);
    load_tile<N>(bs, b, channels, j0, length);
    load_numbers(column_sums, s, j0, length);
    __syncthreads();
    float attention[8][4], matrix[8][4];
    clear(attention);
    clear(matrix);
    multiply_transposed(attention, query_rows, ks, LDP);
    multiply_transposed(matrix, c_rows, bs, LDN);
#pragma unroll
    for (int n = 0; n < 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        int row = own + (e >> 1) * 8, column = n * 8 + pair + (e & 1);
        int i = i0 + row, j = j0 + column;
        bool seen = j <= i && i < length;
        float decay = seen ? __expf(row_sums[row] - column_sums[column]) : 0.f;
        float mixed = matrix[n][e] * decay;
        float attended = seen ? __expf(attention[n][e] * scale - log_sum[e >> 1]) : 0.f;
        float difference = mixed - attended + (i == j && seen ? d : 0.f);
        square += difference * difference;
        diagonal += i == j ? difference : 0.f;
        from_sums[e >> 1] += difference * mixed;
        matrix[n][e] = difference * decay;
      }
    u32 operand[4][4];
    as_operand<8>(operand, matrix);
    multiply(dc, operand, bs, LDN);
  }
  store_tile(dc, c_gradient + (long)batch * length * channels + heads * N + head * N, channels, own, i0, length);
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float sum = row_sum(from_sums[half]);
    int t = i0 + own + half * 8;
    if ((lane & 3) == 0 && t < length) sums_gradient[(long)blockIdx.y * length + t] = sum;
  }
  square = block_sum(square, scratch);
  diagonal = block_sum(diagonal, scratch);
  if (threadIdx.x == 0) {
    squares[(long)blockIdx.y * gridDim.x + tile_i] = square;
    skip_gradient[(long)blockIdx.y * gridDim.x + tile_i] = diagonal;
  }
}

// After matrix_rows: b_gradient like convolved; subtracts the columns' part from sums_gradient.
extern "C" __global__ void __launch_bounds__(THREADS)
    matrix_columns(const bf16* query, const bf16* key, const bf16* convolved, const float* sums,
                   const bf16* skip, const float* log_sums, bf16* b_gradient, float* sums_gradient,
                   int length, int heads, float scale) {
  extern __shared__ __align__(16) bf16 shared[];
  bf16* qs = shared;
  bf16* cs = qs + ROWS * LDP;
  bf16* ks = cs + ROWS * LDN;
  bf16* bs = ks + ROWS * LDP;
  __shared__ float row_sums[ROWS], column_sums[ROWS], denominators[ROWS];
  int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  int own = warp * 16 + (lane >> 2), pair = (lane & 3) * 2;
  int tile_j = blockIdx.x, tiles = gridDim.x;
  int head = blockIdx.y % heads, batch = blockIdx.y / heads, j0 = tile_j * ROWS;
  long width = (long)heads * P, channels = 2L * heads * N;
  const bf16* q = query + (long)batch * length * width + head * P;
  const bf16* k = key + (long)batch * length * width + head * P;
  const bf16* b = convolved + (long)batch * length * channels + head * N;
  const bf16* c = b + heads * N;
  const float* s = sums + (long)blockIdx.y * length;
  float d = to_float(skip[head]);

  load_tile<P>(ks, k, width, j0, length);
  load_tile<N>(bs, b, channels, j0, length);
  load_numbers(column_sums, s, j0, length);
  __syncthreads();
  u32 key_rows[P / 16][4], b_rows[N / 16][4];
  load_rows(key_rows, ks, warp * 16, LDP);
  load_rows(b_rows, bs, warp * 16, LDN);

  float from_sums[2] = {0.f, 0.f};
  float db[N / 8][4];
  clear(db);
  for (int tile_i = tile_j; tile_i < tiles; tile_i++) {
    int i0 = tile_i * ROWS;
    __syncthreads();
    load_tile<P>(qs, q, width, i0, length);
    load_tile<N>(cs, c, channels, i0, length);
    load_numbers(row_sums, s, i0, length);
    load_numbers(denominators, log_sums + (long)blockIdx.y * length, i0, length);
    __syncthreads();
    float attention[8][4], matrix[8][4];
    clear(attention);
    clear(matrix);
    multiply_transposed(attention, key_rows, qs, LDP);
    multiply_transposed(matrix, b_rows, cs, LDN);
#pragma unroll
    for (int n = 0; n < 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        int row = own + (e >> 1) * 8, column = n * 8 + pair + (e & 1);
        int j = j0 + row, i = i0 + column;
        bool seen = j <= i && i < length;
        float decay = seen ? __expf(row_sums[column] - column_sums[row]) : 0.f;
        float mixed = matrix[n][e] * decay;
        float attended = seen ? __expf(attention[n][e] * scale - denominators[column]) : 0.f;
        float difference = mixed - attended + (i == j && seen ? d : 0.f);
        from_sums[e >> 1] += difference * mixed;
        matrix[n][e] = difference * decay;
      }
    u32 operand[4][4];
    as_operand<8>(operand, matrix);
    multiply(db, operand, cs, LDN);
  }
  store_tile(db, b_gradient + (long)batch * length * channels + head * N, channels, own, j0, length);
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float sum = row_sum(from_sums[half]);
    int t = j0 + own + half * 8;
    if ((lane & 3) == 0 && t < length) sums_gradient[(long)blockIdx.y * length + t] -= sum;
  }
}
