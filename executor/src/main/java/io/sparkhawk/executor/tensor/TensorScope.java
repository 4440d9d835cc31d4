package io.sparkhawk.executor.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import java.util.ArrayList;
import java.util.List;

/**
 * Frees every tensor that this thread creates while the scope is open, except those that are kept.
 * A kept tensor passes to the enclosing scope, or, where there is none, to whoever holds it.
 *
 * <p>What autograd still needs stays alive inside libtorch: closing a handle never breaks a graph.
 */
public final class TensorScope implements AutoCloseable {

  private final NDScope scope = new NDScope();
  private final List<NDArray> kept = new ArrayList<>();

  private TensorScope() {}

  /** Opens a scope on the calling thread, which must close it. Scopes nest. */
  public static TensorScope open() {
    return new TensorScope();
  }

  /** Lets {@code tensor}, created in this innermost scope, outlive it. */
  public NDArray keep(NDArray tensor) {
    NDScope.unregister(tensor);
    kept.add(tensor);
    return tensor;
  }

  @Override
  public void close() {
    scope.close();
    kept.forEach(NDScope::register);
  }

  /** Lets a tensor outlive every scope of this thread: its creator closes it. */
  public static <T extends NDArray> T detach(T tensor) {
    NDScope.unregister(tensor);
    return tensor;
  }
}
