package io.sparkhawk.executor.verify;

import java.util.List;

/**
 * What came of a case.
 *
 * @param comparisons every quantity that was compared, in the order of computation
 * @param notCompared what the case does not hold, or this program does not know, with the reason
 */
public record ParityReport(List<Comparison> comparisons, List<String> notCompared) {

  public ParityReport {
    comparisons = List.copyOf(comparisons);
    notCompared = List.copyOf(notCompared);
  }

  /** The comparisons that do not pass. */
  public List<Comparison> failures() {
    return comparisons.stream().filter(comparison -> !comparison.passes()).toList();
  }
}
