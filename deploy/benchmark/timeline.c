// How busy the GPUs of a process are: records every kernel and copy through CUPTI and prints, at the process's end,
// the share of the time between the first and the last of them in which at least one was running, and the gaps.
//
//   gcc -O2 -shared -fPIC -I/usr/local/cuda/include -o timeline.so timeline.c -L/usr/local/cuda/lib64 -lcupti
//   TIMELINE_SECONDS=5 CUDA_INJECTION64_PATH=$PWD/timeline.so LD_LIBRARY_PATH=/usr/local/cuda/lib64 sparkhawk benchmark ...
//
// TIMELINE_SECONDS: only so many seconds of device work count, so that start-up does not; all by default.
// TIMELINE_UNTIL: how many seconds before the last work they end; 0 by default.
#include <cupti.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  uint64_t start, end;
  uint32_t device;
} Interval;

static Interval *intervals;
static size_t count, capacity;

static void add(uint64_t start, uint64_t end, uint32_t device) {
  if (start == 0 || end <= start) return;
  if (count == capacity) {
    capacity = capacity ? 2 * capacity : 1 << 20;
    intervals = realloc(intervals, capacity * sizeof(Interval));
    if (!intervals) abort();
  }
  intervals[count++] = (Interval){start, end, device};
}

static void CUPTIAPI request(uint8_t **buffer, size_t *size, size_t *records) {
  *size = 8 << 20;
  *records = 0;
  if (posix_memalign((void **)buffer, 8, *size)) abort();
}

static void CUPTIAPI complete(CUcontext context, uint32_t stream, uint8_t *buffer, size_t size, size_t valid) {
  CUpti_Activity *record = NULL;
  while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS) {
    if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
      CUpti_ActivityKernel9 *kernel = (CUpti_ActivityKernel9 *)record;
      add(kernel->start, kernel->end, kernel->deviceId);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
      CUpti_ActivityMemcpy5 *copy = (CUpti_ActivityMemcpy5 *)record;
      add(copy->start, copy->end, copy->deviceId);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMSET) {
      CUpti_ActivityMemset4 *set = (CUpti_ActivityMemset4 *)record;
      add(set->start, set->end, set->deviceId);
    }
  }
  free(buffer);
}

static int by_device_and_start(const void *a, const void *b) {
  const Interval *x = a, *y = b;
  if (x->device != y->device) return x->device < y->device ? -1 : 1;
  return x->start < y->start ? -1 : x->start > y->start;
}

// Prints one device's figures; the intervals are sorted by their start.
static void report(const Interval *first, size_t n) {
  const char *limit = getenv("TIMELINE_SECONDS"), *until = getenv("TIMELINE_UNTIL");
  uint64_t last = 0;
  for (size_t i = 0; i < n; i++) last = first[i].end > last ? first[i].end : last;
  if (until) last -= (uint64_t)(atof(until) * 1e9);
  uint64_t from = limit ? last - (uint64_t)(atof(limit) * 1e9) : 0;
  uint64_t begin = 0, busy = 0, reached = 0, longest = 0;
  size_t used = 0, over_50_us = 0;
  for (size_t i = 0; i < n; i++) {
    if (first[i].start < from || first[i].end > last) continue;
    if (!used++) begin = reached = first[i].start;
    if (first[i].start > reached) {
      uint64_t gap = first[i].start - reached;
      longest = gap > longest ? gap : longest;
      over_50_us += gap > 50000;
      reached = first[i].start;
    }
    if (first[i].end > reached) {
      busy += first[i].end - reached;
      reached = first[i].end;
    }
  }
  fprintf(stderr,
          "timeline: GPU %u: %zu kernels and copies in %.3f s, busy %.2f%%, longest gap %.1f us, %zu gaps over 50 us\n",
          first->device, used, (last - begin) / 1e9, 100. * busy / (last - begin), longest / 1e3, over_50_us);
}

static void finish(void) {
  cuptiActivityFlushAll(1);
  qsort(intervals, count, sizeof(Interval), by_device_and_start);
  for (size_t i = 0, next; i < count; i = next) {
    next = i;
    while (next < count && intervals[next].device == intervals[i].device) next++;
    report(intervals + i, next - i);
  }
}

// Called by the CUDA driver as it starts.
int InitializeInjection(void) {
  cuptiActivityRegisterCallbacks(request, complete);
  cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
  cuptiActivityEnable(CUPTI_ACTIVITY_KIND_MEMCPY);
  cuptiActivityEnable(CUPTI_ACTIVITY_KIND_MEMSET);
  atexit(finish);
  return 1;
}
