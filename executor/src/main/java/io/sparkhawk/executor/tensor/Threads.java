package io.sparkhawk.executor.tensor;

import ai.djl.pytorch.jni.JniUtils;

/** How many threads libtorch computes with. */
public final class Threads {

  private Threads() {}

  /** Lets one operation use at most {@code count} threads of this process. */
  public static void limit(int count) {
    LibTorch.load();
    JniUtils.setNumThreads(count);
  }
}
