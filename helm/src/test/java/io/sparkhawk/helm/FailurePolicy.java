package io.sparkhawk.helm;

import io.fabric8.kubernetes.api.model.batch.v1.JobSpec;
import io.fabric8.kubernetes.api.model.batch.v1.PodFailurePolicyRule;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a job's failure policy says, rule by rule, as its controller reads it: the first that fits.
 */
final class FailurePolicy {

  private FailurePolicy() {}

  /** The action for each exit code of a container; Count is what happens without a rule. */
  static Map<Integer, String> actions(JobSpec job, String container) {
    Map<Integer, String> actions = new TreeMap<>();
    for (int code = 1; code < 256; code++) {
      actions.put(code, "Count");
      for (PodFailurePolicyRule rule : job.getPodFailurePolicy().getRules()) {
        if (fits(rule, container, code)) {
          actions.put(code, rule.getAction());
          break;
        }
      }
    }
    return actions;
  }

  /** Whether the first rule lets evicted pods count for nothing. */
  static boolean ignoresDisruption(JobSpec job) {
    PodFailurePolicyRule first = job.getPodFailurePolicy().getRules().get(0);
    return first.getAction().equals("Ignore")
        && first.getOnPodConditions().get(0).getType().equals("DisruptionTarget");
  }

  private static boolean fits(PodFailurePolicyRule rule, String container, int code) {
    return rule.getOnExitCodes() != null
        && rule.getOnExitCodes().getContainerName().equals(container)
        && rule.getOnExitCodes().getOperator().equals("In")
        && rule.getOnExitCodes().getValues().contains(code);
  }
}
