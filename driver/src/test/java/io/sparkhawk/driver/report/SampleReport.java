package io.sparkhawk.driver.report;

import io.sparkhawk.driver.progress.SampleRun;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The report of {@link SampleRun}. */
final class SampleReport {

  static final String CONFIGURATION =
      """
      # A small run on two workers
      run: quickstart
      storage: runs
      teacher: deploy/quickstart/teacher
      data: runs/quickstart/data
      workers: 2
      device: cpu
      student:
        state-size: 64
        conv-width: 4
        attention-blocks: []
      stages:
        - name: matrix
          tokens: 63K
          batch-tokens: 1024   # 4 sequences of 256
          learning-rate: 3e-3
        - name: hidden
          tokens: 160K
          batch-tokens: 1024
          learning-rate: 3e-3
        - name: distill
          tokens: 320K
          batch-tokens: 1024
          learning-rate: 1e-3
          train: all
      """;

  private SampleReport() {}

  static RunReport of() {
    return new RunReport(
        SampleRun.summary(),
        SampleRun.steps(),
        SampleRun.stages(),
        CONFIGURATION,
        counts(),
        Optional.empty(),
        Optional.empty());
  }

  private static Map<String, Long> counts() {
    Map<String, Long> counts = new LinkedHashMap<>();
    counts.put("Documents", 1_482L);
    counts.put("Duplicates dropped", 3L);
    counts.put("Empty documents", 0L);
    counts.put("Training tokens", 4_571_136L);
    counts.put("Training rows", 17_856L);
    counts.put("Held-out tokens", 82_176L);
    return counts;
  }
}
