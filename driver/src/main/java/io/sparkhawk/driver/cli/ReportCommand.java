package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.report.ComparedRun;
import io.sparkhawk.driver.report.ComparisonPage;
import io.sparkhawk.driver.report.ReportPage;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.driver.run.RunReports;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sparkhawk report}: the report of a run, or several runs side by side. */
@Command(
    name = "report",
    description = {
      "Make the report of a run anew from the files of its folder, or one page that compares"
          + " several runs.",
      "",
      "A run that has not ended has a report of what it has done so far. Pages are single HTML"
          + " files that need nothing else.",
      ""
    },
    footer = {
      "",
      "Exit codes: 0 done; 2 an option is wrong; 3 a folder is not that of a run, or a file in it is"
          + " damaged; 4 the storage failed, or the page cannot be written.",
      "",
      "Examples:",
      "  sparkhawk report runs/quickstart",
      "  sparkhawk report s3a://bucket/runs/my-student --out my-student.html",
      "  sparkhawk report runs/quickstart runs/quickstart-distill --out compare.html",
      "  sparkhawk report runs/quickstart --measure --blocks 0,3 --heads 1,2 --prompt 'A transaction"
          + " is'"
    })
final class ReportCommand implements Runnable {

  private final Jobs jobs;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "RUN",
      arity = "1..*",
      description = "Folder of a run, on a local disk, HDFS or S3. Several are compared.")
  private List<String> runs;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description =
          "Where to write the page. Default: report.html in the run's folder, or compare.html in the"
              + " current folder where there are several runs.")
  private String out;

  @ArgGroup(exclusive = false)
  private MeasureOptions measure;

  ReportCommand(Jobs jobs) {
    this.jobs = jobs;
  }

  @Override
  public void run() {
    Configuration hadoop = Plans.hadoopConfiguration();
    List<Path> folders = folders(hadoop);
    Path page = page(folders);
    FileSystem files = Storage.of(hadoop, page).fileSystem();
    requireFile(files, page);
    if (measure != null) {
      measure(hadoop, folders);
    }
    if (folders.size() == 1) {
      ReportPage.write(files, page, RunReports.read(hadoop, folders.get(0)));
    } else {
      ComparisonPage.write(files, page, compared(hadoop, folders));
    }
    PrintWriter console = spec.commandLine().getOut();
    console.println((folders.size() == 1 ? "Report: " : "Comparison: ") + page);
    console.flush();
  }

  private void measure(Configuration hadoop, List<Path> folders) {
    if (folders.size() > 1) {
      throw new ConfigurationException(
          "--measure loads the models of one run, but %d are named; measure them one by one."
              .formatted(folders.size()));
    }
    jobs.compare(RunReports.comparison(hadoop, folders.get(0), measure.choice()), folders.get(0));
  }

  /** One after the other, since the steps of a long run take memory. */
  private List<ComparedRun> compared(Configuration hadoop, List<Path> folders) {
    List<ComparedRun> compared = new ArrayList<>();
    for (int i = 0; i < folders.size(); i++) {
      compared.add(ComparedRun.of(runs.get(i), RunReports.read(hadoop, folders.get(i))));
    }
    return compared;
  }

  private List<Path> folders(Configuration hadoop) {
    List<Path> folders = new ArrayList<>();
    Set<Path> known = new HashSet<>();
    for (String run : runs) {
      Path folder = Storage.path(run);
      Path qualified = Storage.of(hadoop, folder).fileSystem().makeQualified(folder);
      if (!known.add(qualified)) {
        throw new ConfigurationException("The run " + run + " is named twice; name each run once.");
      }
      folders.add(qualified);
    }
    return folders;
  }

  private Path page(List<Path> folders) {
    return Optional.ofNullable(out)
        .map(Storage::path)
        .orElseGet(
            () ->
                folders.size() == 1
                    ? new Path(folders.get(0), ReportPage.FILE_NAME)
                    : new Path(ComparisonPage.FILE_NAME));
  }

  private static void requireFile(FileSystem files, Path page) {
    try {
      if (files.exists(page) && files.getFileStatus(page).isDirectory()) {
        throw new ConfigurationException(
            "--out " + page + " is a folder; name the file in it that the page is to be.");
      }
    } catch (IOException e) {
      throw Storage.writeFailure(page, e);
    }
  }
}
