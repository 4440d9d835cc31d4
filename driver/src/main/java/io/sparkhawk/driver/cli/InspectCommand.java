package io.sparkhawk.driver.cli;

import io.sparkhawk.driver.inspect.Inspection;
import io.sparkhawk.driver.run.Plans;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sparkhawk inspect}: what lies in a storage, and whether it is whole. */
@Command(
    name = "inspect",
    description = {
      "List runs with their checkpoints, and data sets with their shards, on local disks, HDFS or"
          + " S3.",
      "",
      "A checkpoint is complete if its manifest is published and its parts are there, unfinished"
          + " while it is saved or if that was interrupted, abandoned if the run has gone on without"
          + " it. A run sweeps unpublished attempts itself when it has published a newer checkpoint.",
      ""
    },
    footer = {
      "",
      "Exit codes: 0 nothing is damaged; 3 something is missing or damaged, or there is nothing of"
          + " the kind; 4 the storage failed.",
      "",
      "Examples:",
      "  sparkhawk inspect runs",
      "  sparkhawk inspect s3a://bucket/runs/my-student --verify"
    })
final class InspectCommand implements Runnable {

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "PATH",
      description = "Folder of a run or of a data set, or one that holds some of these.")
  private String path;

  @Option(
      names = "--verify",
      description = "Read every checkpoint part and every shard, and compare its checksum.")
  private boolean verify;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    try {
      Inspection.run(
          Plans.hadoopConfiguration(), path, verify, System.currentTimeMillis(), out::println);
    } finally {
      out.flush();
    }
  }
}
