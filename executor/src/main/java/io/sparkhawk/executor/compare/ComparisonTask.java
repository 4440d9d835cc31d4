package io.sparkhawk.executor.compare;

import io.sparkhawk.executor.collective.Collective;
import java.util.List;

/** Compares a teacher with its student: matrices on a text, and what both write. */
public final class ComparisonTask {

  private ComparisonTask() {}

  /**
   * Compares in this process, which holds both models meanwhile.
   *
   * @throws io.sparkhawk.data.error.ConfigurationException if the models have not what was chosen
   * @throws io.sparkhawk.data.error.SparkhawkException if models or data cannot be read
   */
  public static ModelComparison run(ComparisonPlan plan) {
    throw new UnsupportedOperationException("comparison of " + plan);
  }

  /**
   * As {@link #run(ComparisonPlan)}, called by all ranks: rank 0 compares, the others wait for it.
   *
   * @return on rank 0 the comparison, on the others one without content
   */
  public static ModelComparison run(ComparisonPlan plan, Collective collective) {
    ModelComparison comparison =
        collective.rank() == 0 ? run(plan) : new ModelComparison(List.of(), List.of(), List.of());
    collective.barrier();
    return comparison;
  }
}
