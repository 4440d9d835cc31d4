package io.sparkhawk.driver.run;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.config.ConfigReader;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.progress.ComparisonFile;
import io.sparkhawk.driver.progress.FinalEvaluations;
import io.sparkhawk.driver.progress.MetricsLog;
import io.sparkhawk.driver.progress.RunEvent;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.driver.progress.StageResults;
import io.sparkhawk.driver.report.RunReport;
import io.sparkhawk.executor.compare.ComparisonChoice;
import io.sparkhawk.executor.compare.ComparisonPlan;
import io.sparkhawk.executor.train.ModelTasks;
import io.sparkhawk.executor.train.StageResult;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** Puts the report of a run together from the files of its folder, whether it has ended or not. */
public final class RunReports {

  private final Configuration hadoop;
  private final Path folder;
  private final Storage storage;
  private final FileSystem files;

  private RunReports(Configuration hadoop, Path folder) {
    this.hadoop = hadoop;
    this.folder = folder;
    this.storage = Storage.of(hadoop, folder);
    this.files = storage.fileSystem();
  }

  /**
   * Reads what there is. A run that has not ended has a report of what it has done so far, and what
   * the data set holds is left out where that cannot be reached.
   *
   * @param hadoop settings of the file system of the run folder
   * @throws DataException if this is no folder of a run, or one of its files cannot be read
   * @throws io.sparkhawk.data.error.InfrastructureException if the storage fails
   */
  public static RunReport read(Configuration hadoop, Path folder) {
    return new RunReports(hadoop, folder).read();
  }

  /**
   * The plan of comparing the run's teacher with its student anew, in this process: teacher, data,
   * device and element type are those of the run.
   *
   * @throws DataException if the run has no finished student
   */
  public static ComparisonPlan comparison(
      Configuration hadoop, Path folder, ComparisonChoice choice) {
    Storage storage = Storage.of(hadoop, folder);
    Path student = new Path(folder, ModelTasks.STUDENT_FOLDER);
    try {
      if (!storage.fileSystem().exists(student)) {
        throw new DataException(
            "The run %s has no finished student to compare: there is no %s. Measure it when it has ended."
                .formatted(folder, student));
      }
    } catch (IOException e) {
      throw Storage.readFailure(student, e);
    }
    return Plans.comparison(RunFolder.configuration(storage, folder), student.toString(), choice);
  }

  private RunReport read() {
    Set<String> names = names();
    if (!names.contains(MetricsLog.FILE_NAME) && !names.contains(RunSummary.FILE_NAME)) {
      throw new DataException(
          "%s is not the folder of a run: there is neither a %s nor a %s in it. Name the folder that"
                  .formatted(folder, MetricsLog.FILE_NAME, RunSummary.FILE_NAME)
              + " a run has made under its storage, such as runs/my-student.");
    }
    Optional<String> yaml = RunFolder.configurationText(storage, folder);
    Optional<RunConfig> config = yaml.flatMap(RunReports::parsed);
    Optional<DataManifest> data = config.flatMap(this::manifest);
    List<StageResult> stages = StageResults.read(files, folder);
    return new RunReport(
        names.contains(RunSummary.FILE_NAME)
            ? RunSummary.read(files, new Path(folder, RunSummary.FILE_NAME))
            : soFar(config, data, stages),
        MetricsLog.read(files, metrics()),
        stages,
        yaml.orElse(""),
        data.map(RunReports::counts).orElse(Map.of()),
        FinalEvaluations.read(files, folder),
        ComparisonFile.read(files, folder));
  }

  private Path metrics() {
    return new Path(folder, MetricsLog.FILE_NAME);
  }

  private Set<String> names() {
    try {
      return Arrays.stream(files.listStatus(folder))
          .map(file -> file.getPath().getName())
          .collect(Collectors.toSet());
    } catch (FileNotFoundException e) {
      throw new DataException("There is no folder " + folder + "; check the path of the run.", e);
    } catch (IOException e) {
      throw Storage.readFailure(folder, e);
    }
  }

  /** The summary of a run that has not ended. */
  private RunSummary soFar(
      Optional<RunConfig> config, Optional<DataManifest> data, List<StageResult> stages) {
    List<RunEvent> events = MetricsLog.readEvents(files, metrics());
    int trained = events.stream().mapToInt(RunEvent::workers).filter(w -> w > 0).max().orElse(1);
    return RunSummary.of(config.map(RunConfig::run).orElse(folder.getName()))
        .workers(config.map(RunConfig::workers).orElse(trained))
        .seqLen(data.map(DataManifest::seqLen).orElse(0))
        .stages(stages)
        .events(events)
        .build();
  }

  /** Settings of another version may not be readable; the report shows them all the same. */
  private static Optional<RunConfig> parsed(String yaml) {
    try {
      return Optional.of(
          ConfigReader.ofYaml("configuration", yaml).read(RunConfig.class, RunConfig::check));
    } catch (ConfigurationException e) {
      return Optional.empty();
    }
  }

  private Optional<DataManifest> manifest(RunConfig config) {
    try {
      Path data = Storage.path(config.data());
      Configuration settings = Plans.withSettingsOf(config, hadoop);
      return Optional.of(DataManifest.read(Storage.of(settings, data).fileSystem(), data));
    } catch (SparkhawkException e) {
      return Optional.empty();
    }
  }

  private static Map<String, Long> counts(DataManifest data) {
    Map<String, Long> counts = new LinkedHashMap<>();
    counts.put("Documents", data.counts().documents());
    counts.put("Duplicates left out", data.counts().duplicates());
    counts.put("Training rows", data.train().rows());
    counts.put("Training tokens", data.train().tokens());
    counts.put("Held-out rows", data.validation().rows());
    counts.put("Held-out tokens", data.validation().tokens());
    return counts;
  }
}
