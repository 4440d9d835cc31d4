// Element-wise parts of a block and of an update, each reading and writing its tensors once.

#include "common.cuh"

// tanh-GELU: x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3).
__device__ __forceinline__ float gelu(float x) {
  return x * sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
}

__device__ __forceinline__ float gelu_gradient(float x) {
  float s = sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
  return s + x * s * (1.f - s) * 1.5957691216f * (1.f + 3.f * 0.044715f * x * x);
}

// out = gelu(x); count is a multiple of 8.
extern "C" __global__ void gelu_forward(const bf16* x, bf16* out, long count) {
  long at = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 8;
  if (at >= count) return;
  uint4 in = *reinterpret_cast<const uint4*>(x + at), result;
#pragma unroll
  for (int k = 0; k < 4; k++) {
    u32 v = reinterpret_cast<u32*>(&in)[k];
    reinterpret_cast<u32*>(&result)[k] = pack(gelu(low(v)), gelu(high(v)));
  }
  *reinterpret_cast<uint4*>(out + at) = result;
}

// gradient = gradient * gelu'(x) and, where it is not null, out = gelu(x).
extern "C" __global__ void gelu_backward(const bf16* x, bf16* gradient, bf16* out, long count) {
  long at = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 8;
  if (at >= count) return;
  uint4 in = *reinterpret_cast<const uint4*>(x + at);
  uint4 g = *reinterpret_cast<const uint4*>(gradient + at), value;
#pragma unroll
  for (int k = 0; k < 4; k++) {
    u32 v = reinterpret_cast<u32*>(&in)[k];
    u32& d = reinterpret_cast<u32*>(&g)[k];
    d = pack(low(d) * gelu_gradient(low(v)), high(d) * gelu_gradient(high(v)));
    reinterpret_cast<u32*>(&value)[k] = pack(gelu(low(v)), gelu(high(v)));
  }
  *reinterpret_cast<uint4*>(gradient + at) = g;
  if (out != nullptr) *reinterpret_cast<uint4*>(out + at) = value;
}

// Rotates the first "rotary" entries of each head: (x1, x2) to (x1 cos - x2 sin, x2 cos + x1 sin), the
// halves as transformers' Phi has them. in and out (batch, length, heads, size); tables (positions,
// rotary), both halves alike. One thread for two neighbouring entries.
extern "C" __global__ void rotary(const bf16* in, const bf16* cosine, const bf16* sine, bf16* out,
                                  int length, int heads, int size, int rotary, long pairs) {
  long item = (long)blockIdx.x * blockDim.x + threadIdx.x;
  if (item >= pairs) return;
  int half = size / 2;
  int entry = (int)(item % half) * 2;
  long head = item / half;
  int position = (int)(head / heads % length);
  const bf16* x = in + head * size;
  bf16* y = out + head * size;
  if (entry >= rotary) {
    *reinterpret_cast<u32*>(y + entry) = pair_at(x + entry);
  } else {
    int other = entry < rotary / 2 ? entry + rotary / 2 : entry - rotary / 2;
    float sign = entry < rotary / 2 ? -1.f : 1.f;
    u32 a = pair_at(x + entry), b = pair_at(x + other);
    u32 c = pair_at(cosine + (long)position * rotary + entry);
    u32 s = pair_at(sine + (long)position * rotary + entry);
    put_pair(y + entry, low(a) * low(c) + sign * low(b) * low(s), high(a) * high(c) + sign * high(b) * high(s));
  }
}

// Soft-target cross-entropy of one row of logits for each block of threads: loss[row] = -sum p log q,
// and student = factor * (q - p) where factor is not 0. vocabulary is a multiple of 8.
extern "C" __global__ void __launch_bounds__(512)
    soft_cross_entropy(const bf16* teacher, bf16* student, float* loss, int vocabulary, float factor) {
  __shared__ float scratch[16];
  const bf16* p = teacher + (long)blockIdx.x * vocabulary;
  bf16* q = student + (long)blockIdx.x * vocabulary;
  float largest[2] = {-INFINITE, -INFINITE}, sum[2] = {0.f, 0.f};
  for (int at = threadIdx.x * 8; at < vocabulary; at += blockDim.x * 8) {
    uint4 both[2] = {*reinterpret_cast<const uint4*>(p + at), *reinterpret_cast<const uint4*>(q + at)};
#pragma unroll
    for (int m = 0; m < 2; m++) {
      float local = largest[m];
#pragma unroll
      for (int k = 0; k < 4; k++) {
        u32 v = reinterpret_cast<u32*>(&both[m])[k];
        local = fmaxf(local, fmaxf(low(v), high(v)));
      }
      sum[m] *= __expf(largest[m] - local);
      largest[m] = local;
#pragma unroll
      for (int k = 0; k < 4; k++) {
        u32 v = reinterpret_cast<u32*>(&both[m])[k];
        sum[m] += __expf(low(v) - local) + __expf(high(v) - local);
      }
    }
  }
  float normaliser[2];  // log of the sum of exp
#pragma unroll
  for (int m = 0; m < 2; m++) {
    float top = largest[m];
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, distance));
    __syncthreads();
    if ((threadIdx.x & 31) == 0) scratch[threadIdx.x >> 5] = top;
    __syncthreads();
    for (int warp = 0; warp < (int)blockDim.x / 32; warp++) top = fmaxf(top, scratch[warp]);
    float mine = sum[m] == 0.f ? 0.f : sum[m] * __expf(largest[m] - top);
    normaliser[m] = top + __logf(block_sum(mine, scratch));
  }
  float cross = 0.f;
  for (int at = threadIdx.x * 8; at < vocabulary; at += blockDim.x * 8) {
    uint4 t = *reinterpret_cast<const uint4*>(p + at), s = *reinterpret_cast<const uint4*>(q + at);
#pragma unroll
    for (int k = 0; k < 4; k++) {
      u32 tv = reinterpret_cast<u32*>(&t)[k];
      u32& sv = reinterpret_cast<u32*>(&s)[k];
      float p0 = __expf(low(tv) - normaliser[0]), p1 = __expf(high(tv) - normaliser[0]);
      float l0 = low(sv) - normaliser[1], l1 = high(sv) - normaliser[1];
      cross -= p0 * l0 + p1 * l1;
      sv = pack(factor * (__expf(l0) - p0), factor * (__expf(l1) - p1));
    }
    if (factor != 0.f) *reinterpret_cast<uint4*>(q + at) = s;
  }
  float total = block_sum(cross, scratch);
  if (threadIdx.x == 0) loss[blockIdx.x] = total;
}

// Four numbers in one access to memory.
__device__ __forceinline__ float4 four_at(const float* p) { return *reinterpret_cast<const float4*>(p); }

__device__ __forceinline__ float4 four_at(const bf16* p) {
  uint2 pairs = *reinterpret_cast<const uint2*>(p);
  return make_float4(low(pairs.x), high(pairs.x), low(pairs.y), high(pairs.y));
}

__device__ __forceinline__ float one_at(const float* p) { return *p; }
__device__ __forceinline__ float one_at(const bf16* p) { return to_float(*p); }

__device__ __forceinline__ float squares_of(float4 x) {
  return x.x * x.x + x.y * x.y + x.z * x.z + x.w * x.w;
}

// The sum of squares of what falls to each block of 256 threads, in an order that follows from count and
// the number of blocks alone. Each thread takes 4 neighbouring elements at a time, and the last block
// those that are left over.
template <typename T>
__device__ __forceinline__ void sum_squares(const T* x, float* sums, long count) {
  __shared__ float scratch[8];
  float sum = 0.f;
  long whole = count / 4 * 4, stride = (long)gridDim.x * blockDim.x * 4;
#pragma unroll 4
  for (long i = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 4; i < whole; i += stride)
    sum += squares_of(four_at(x + i));
  if (blockIdx.x == gridDim.x - 1 && whole + threadIdx.x < count) {
    float last = one_at(x + whole + threadIdx.x);
    sum += last * last;
  }
  float total = block_sum(sum, scratch);
  if (threadIdx.x == 0) sums[blockIdx.x] = total;
}

extern "C" __global__ void __launch_bounds__(256)
    squares_float32(const float* x, float* sums, long count) {
  sum_squares(x, sums, count);
}

extern "C" __global__ void __launch_bounds__(256)
    squares_bfloat16(const bf16* x, float* sums, long count) {
  sum_squares(x, sums, count);
}

// What is decided of an update, as UpdatePlan has it: updates so far; factor of the gradient, 0 to leave
// the update out; 1 - learning rate * weight decay; learning rate / (1 - beta1^t); 1 / (1 - beta2^t);
// norm of the gradient.
enum Plan { UPDATES, SCALE, SHRINK, STEP, CORRECTION, NORM };

// Decides as torch.nn.utils.clip_grad_norm_ and torch.optim.AdamW do; clip 0 is any norm. "figures" are
// the losses and after them the sum of squares of the gradient. One thread.
extern "C" __global__ void plan_update(const float* figures, int losses, double* plan, double beta1,
                                       double beta2, double rate, double decay, double clip) {
  double norm = sqrt((double)figures[losses]);
  plan[NORM] = norm;
  bool finite = norm <= 1.7976931348623157e308;  // neither infinite nor no number
  for (int i = 0; i < losses; i++) finite = finite && fabsf(figures[i]) <= 3.402823466e38f;
  if (!finite) {
    plan[SCALE] = 0.;
    return;
  }
  double t = plan[UPDATES] + 1.;
  plan[UPDATES] = t;
  plan[SCALE] = clip == 0. ? 1. : fmin(1., clip / (norm + 1e-6));
  plan[SHRINK] = 1. - rate * decay;
  plan[STEP] = rate / (1. - pow(beta1, t));
  plan[CORRECTION] = 1. / (1. - pow(beta2, t));
}

// AdamW (arXiv 1711.05101, algorithm 2) by the plan.
// compute gets the weights rounded; it may be null. count is a multiple of 4.
template <typename G>
__device__ __forceinline__ void adamw(float* weight, const G* gradient, float* first, float* second,
                                      bf16* compute, const double* plan, float beta1, float beta2,
                                      float epsilon, long count) {
  float scale = (float)plan[SCALE], shrink = (float)plan[SHRINK];
  float step = (float)plan[STEP], correction = (float)plan[CORRECTION];
  if (scale == 0.f) return;
  for (long i = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 4; i < count;
       i += (long)gridDim.x * blockDim.x * 4) {
    float4 w = *reinterpret_cast<float4*>(weight + i), m = *reinterpret_cast<float4*>(first + i);
    float4 v = *reinterpret_cast<float4*>(second + i);
    float4 g = four_at(gradient + i);
    float* ws = &w.x;
    float* ms = &m.x;
    float* vs = &v.x;
    float* gs = &g.x;
#pragma unroll
    for (int k = 0; k < 4; k++) {
      float x = gs[k] * scale;
      ms[k] += (1.f - beta1) * (x - ms[k]);
      vs[k] += (1.f - beta2) * (x * x - vs[k]);
      ws[k] = ws[k] * shrink - step * ms[k] / (sqrtf(vs[k] * correction) + epsilon);
    }
    *reinterpret_cast<float4*>(weight + i) = w;
    *reinterpret_cast<float4*>(first + i) = m;
    *reinterpret_cast<float4*>(second + i) = v;
    if (compute != nullptr)
      *reinterpret_cast<uint2*>(compute + i) = make_uint2(pack(w.x, w.y), pack(w.z, w.w));
  }
}

extern "C" __global__ void adamw_float32(float* weight, const float* gradient, float* first, float* second,
                                         bf16* compute, const double* plan, float beta1, float beta2,
                                         float epsilon, long count) {
  adamw(weight, gradient, first, second, compute, plan, beta1, beta2, epsilon, count);
}

extern "C" __global__ void adamw_bfloat16(float* weight, const bf16* gradient, float* first, float* second,
                                          bf16* compute, const double* plan, float beta1, float beta2,
                                          float epsilon, long count) {
  adamw(weight, gradient, first, second, compute, plan, beta1, beta2, epsilon, count);
}
