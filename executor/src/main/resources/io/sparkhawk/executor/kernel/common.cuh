// Tiles of bfloat16 in shared memory and products of them on tensor cores
// (PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point type").
//
// A warp holds a 16 x (8 * columns) result as acc[columns][4]: lane = 4 * row + pair has in
// acc[n][0..1] the elements (row, 8n + 2 pair + 0..1) and in acc[n][2..3] those of row + 8.

typedef unsigned short bf16;
typedef unsigned int u32;

// Rows of a tile lie 8 elements further apart than they are wide: ldmatrix then meets no bank twice.
#define PAD 8
#define THREADS 128
#define INFINITE __int_as_float(0x7f800000)
#define ROWS 64  // positions of a tile; each of the four warps has 16

__device__ __forceinline__ float low(u32 pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float high(u32 pair) { return __uint_as_float(pair & 0xffff0000u); }
__device__ __forceinline__ float to_float(bf16 x) { return __uint_as_float(((u32)x) << 16); }

__device__ __forceinline__ u32 pack(float first, float second) {
  u32 pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

__device__ __forceinline__ bf16 to_bf16(float x) { return (bf16)(pack(x, 0.f) & 0xffffu); }

__device__ __forceinline__ u32 pair_at(const bf16* p) { return *reinterpret_cast<const u32*>(p); }

__device__ __forceinline__ void put_pair(bf16* p, float first, float second) {
  *reinterpret_cast<u32*>(p) = pack(first, second);
}

__device__ __forceinline__ void ldmatrix(u32 (&r)[4], const bf16* p) {
  u32 address = (u32)__cvta_generic_to_shared(p);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address));
}

__device__ __forceinline__ void ldmatrix_transposed(u32 (&r)[4], const bf16* p) {
  u32 address = (u32)__cvta_generic_to_shared(p);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address));
}

__device__ __forceinline__ void mma(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// A: 16 rows of a tile from row on.
template <int K>
__device__ __forceinline__ void load_rows(u32 (&a)[K][4], const bf16* tile, int row, int stride) {
  int lane = threadIdx.x & 31;
  const bf16* p = tile + (row + (lane & 15)) * stride + (lane >> 4) * 8;
#pragma unroll
  for (int k = 0; k < K; k++) ldmatrix(a[k], p + k * 16);
}

// A: 16 columns of a tile from column on, as rows.
template <int K>
__device__ __forceinline__ void load_columns(u32 (&a)[K][4], const bf16* tile, int column, int stride) {
  int lane = threadIdx.x & 31;
  const bf16* p = tile + ((lane & 7) + (lane >> 4) * 8) * stride + column + ((lane >> 3) & 1) * 8;
#pragma unroll
  for (int k = 0; k < K; k++) ldmatrix_transposed(a[k], p + k * 16 * stride);
}

// acc += A T^T, for a tile of 8 C rows and 16 K columns.
template <int K, int C>
__device__ __forceinline__ void multiply_transposed(float (&acc)[C][4], const u32 (&a)[K][4],
                                                    const bf16* tile, int stride) {
  int lane = threadIdx.x & 31;
  const bf16* p = tile + ((lane & 7) + (lane >> 4) * 8) * stride + ((lane >> 3) & 1) * 8;
#pragma unroll
  for (int k = 0; k < K; k++) {
#pragma unroll
    for (int n = 0; n < C; n += 2) {
      u32 b[4];
      ldmatrix(b, p + n * 8 * stride + k * 16);
      mma(acc[n], a[k], b[0], b[1]);
      mma(acc[n + 1], a[k], b[2], b[3]);
    }
  }
}

// acc += A T, for a tile of 16 K rows and 8 C columns.
template <int K, int C>
__device__ __forceinline__ void multiply(float (&acc)[C][4], const u32 (&a)[K][4], const bf16* tile,
                                         int stride) {
  int lane = threadIdx.x & 31;
  const bf16* p = tile + ((lane & 7) + ((lane >> 3) & 1) * 8) * stride + (lane >> 4) * 8;
#pragma unroll
  for (int k = 0; k < K; k++) {
#pragma unroll
    for (int n = 0; n < C; n += 2) {
      u32 b[4];
      ldmatrix_transposed(b, p + k * 16 * stride + n * 8);
      mma(acc[n], a[k], b[0], b[1]);
      mma(acc[n + 1], a[k], b[2], b[3]);
    }
  }
}

// A result as the left operand of the next product.
template <int C>
__device__ __forceinline__ void as_operand(u32 (&a)[C / 2][4], const float (&acc)[C][4]) {
#pragma unroll
  for (int k = 0; k < C / 2; k++) {
    a[k][0] = pack(acc[2 * k][0], acc[2 * k][1]);
    a[k][1] = pack(acc[2 * k][2], acc[2 * k][3]);
    a[k][2] = pack(acc[2 * k + 1][0], acc[2 * k + 1][1]);
    a[k][3] = pack(acc[2 * k + 1][2], acc[2 * k + 1][3]);
  }
}

// A times diag(factor) over its columns, of which k = 16 are held in each a[k].
template <int K>
__device__ __forceinline__ void scale_columns(u32 (&a)[K][4], const float* factor) {
  int pair = (threadIdx.x & 3) * 2;
#pragma unroll
  for (int k = 0; k < K; k++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float first = factor[k * 16 + half * 8 + pair];
      float second = factor[k * 16 + half * 8 + pair + 1];
#pragma unroll
      for (int row = 0; row < 2; row++) {
        u32& x = a[k][half * 2 + row];
        x = pack(low(x) * first, high(x) * second);
      }
    }
  }
}

template <int C>
__device__ __forceinline__ void clear(float (&acc)[C][4]) {
#pragma unroll
  for (int n = 0; n < C; n++)
#pragma unroll
    for (int i = 0; i < 4; i++) acc[n][i] = 0.f;
}

template <int C>
__device__ __forceinline__ void scale_rows(float (&acc)[C][4], float upper, float lower) {
#pragma unroll
  for (int n = 0; n < C; n++) {
    acc[n][0] *= upper;
    acc[n][1] *= upper;
    acc[n][2] *= lower;
    acc[n][3] *= lower;
  }
}

// The sum over the four lanes that share a row.
__device__ __forceinline__ float row_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

__device__ __forceinline__ float row_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

// The sum over the block's threads, the same in each; scratch holds a number for each warp.
__device__ __forceinline__ float block_sum(float x, float* scratch) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(0xffffffffu, x, distance);
  __syncthreads();
  if ((threadIdx.x & 31) == 0) scratch[threadIdx.x >> 5] = x;
  __syncthreads();
  float sum = 0.f;
  for (int warp = 0; warp < (int)blockDim.x / 32; warp++) sum += scratch[warp];
  return sum;
}

__device__ __forceinline__ float sigmoid(float x) { return 1.f / (1.f + __expf(-x)); }

// log(1 + exp(x)) without overflow.
__device__ __forceinline__ float softplus(float x) {
  return fmaxf(x, 0.f) + log1pf(__expf(-fabsf(x)));
}
