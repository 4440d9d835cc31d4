package io.sparkhawk.driver.config;

import io.sparkhawk.data.prepare.PrepareSettings;
import io.sparkhawk.data.setting.Setting;
import io.sparkhawk.executor.train.StageSettings;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Scheduled retraining, as its YAML file describes it. */
public record RetrainConfig(
    @Setting("Name of the model: its rounds and its registry are in the folder of this name.")
        String name,
    @Setting(
            "Folder under which each model has its own: a local path or the URI of any Hadoop file"
                + " system.")
        String storage,
    @Setting("The teacher: a Hugging Face folder with config.json, safetensors and tokenizer.json.")
        String teacher,
    @Setting("Files, folders or globs of the corpus that grows.") List<String> corpus,
    @Setting(
            value =
                "What a partition of the corpus is, which counts as new until a round has taken it:"
                    + " all files whose paths have the same date, or each file by itself.",
            defaultValue = "date")
        NewBy newBy,
    @Setting(
            value =
                "Key before the date in the files' paths: dt for folders such as dt=2026-11-01.",
            defaultValue = "dt")
        String partitionKey,
    @Setting(
            value =
                "Days that must have passed since a partition's date, in UTC: a partition must be"
                    + " complete when it is taken. 1 leaves the current day out.",
            defaultValue = "1",
            min = 0,
            max = 10000)
        int minAgeDays,
    @Setting(
            "Files, folders or globs with the documents on which all models are measured. They must"
                + " never change: a round with other held-out rows than those of the student in"
                + " production is refused.")
        List<String> heldOut,
    @Setting(
            value = "Share of a round's training tokens that are taken of rounds before.",
            defaultValue = "0.25",
            min = 0,
            max = 0.95)
        double replayShare,
    @Setting(
            value =
                "Whether the data of a round that was not promoted is trained on again in the next"
                    + " one. Otherwise it is left out for good.",
            defaultValue = "true")
        boolean keepRejected,
    @Setting(
            value =
                "What a round's first stage starts from: production (the student in production),"
                    + " matrix, hidden or distill (the student as this stage left it in the newest"
                    + " of the runs that the student in production came from), teacher, the folder"
                    + " of a student that distill wrote, or STAGE@RUN, as"
                    + " hidden@s3a://bucket/runs/first: the student as a stage of the run in this"
                    + " folder left it. As long as nothing is in production, the first two mean the"
                    + " teacher.",
            defaultValue = "production")
        String warmStart,
    @Setting(
            value =
                "The stages of a round that starts from the teacher; without them they are those of"
                    + " training.",
            defaultValue = "[]")
        List<StageSettings> firstStages,
    @Setting(
            value =
                "Most passes over a round's data: where the stages' tokens are more, all stages get"
                    + " fewer, in proportion.",
            defaultValue = "4",
            min = 0.01,
            max = 1000)
        double maxEpochs,
    @Setting(value = "When a student goes into production.", defaultValue = "{}")
        GateSettings gates,
    @Setting(
            value = "Task files on which the models are scored, as in evaluate.",
            defaultValue = "[]")
        List<String> tasks,
    @Setting(
            value = "Most tokens that a model reads of a task's example.",
            defaultValue = "2048",
            min = 1,
            max = 1048576)
        int taskMaxLength,
    @Setting(
            value =
                "How documents become rows: the options of prepare but input, validation, output"
                    + " and teacher.",
            defaultValue = "{}")
        PrepareSettings prepare,
    @Setting(
            "How students are trained: the settings of a run but run, storage, teacher, data and"
                + " warm-start.")
        RunConfig training) {

  private static final String ITSELF = "is given by the retraining itself";
  private static final List<String> LISTS = List.of("input", "validation");
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

  /** {@link #warmStart} for the student in production. */
  public static final String PRODUCTION = "production";

  /** {@link #warmStart} for the teacher. */
  public static final String TEACHER = "teacher";

  public RetrainConfig {
    corpus = List.copyOf(corpus);
    heldOut = List.copyOf(heldOut);
    firstStages = List.copyOf(firstStages);
    tasks = List.copyOf(tasks);
  }

  /**
   * Reads the settings.
   *
   * @param place path of the file, or the file itself as a URL, see {@link ConfigReader#at}
   * @param assignments settings that replace those of the file, as {@code gates.min-tokens=1M}
   * @throws io.sparkhawk.data.error.ConfigurationException with everything that is wrong
   */
  public static RetrainConfig read(String place, List<String> assignments) {
    ConfigReader reader = ConfigReader.at(place);
    assignments.forEach(reader::set);
    givenByItself()
        .forEach(
            (section, keys) ->
                keys.forEach(
                    key ->
                        reader.fix(
                            section + "." + key, LISTS.contains(key) ? "[]" : "unset", ITSELF)));
    return reader.read(RetrainConfig.class, RetrainConfig::check);
  }

  /** The settings that a file may not have, as each round has its own of them, by section. */
  public static Map<String, List<String>> givenByItself() {
    return Map.of(
        "prepare", List.of("input", "validation", "output", "teacher"),
        "training", List.of("run", "storage", "teacher", "data", "warm-start"));
  }

  /** The folder of all rounds and of the registry. */
  public String folder() {
    return storage.endsWith("/") ? storage + name : storage + "/" + name;
  }

  /** The stages of a round. */
  public List<StageSettings> stages(boolean fromTeacher) {
    return fromTeacher && !firstStages.isEmpty() ? firstStages : training.stages();
  }

  private void check(Problems problems) {
    if (!NAME.matcher(name).matches()) {
      problems.add(
          "name",
          "'" + name + "'",
          "allowed are letters, digits, dots, dashes and underscores, a letter or digit first.");
    }
    if (corpus.isEmpty()) {
      problems.add("corpus", "[]", "at least one file, folder or glob is needed.");
    }
    if (heldOut.isEmpty()) {
      problems.add("held-out", "[]", "at least one file, folder or glob is needed.");
    }
    if (!Pattern.matches("[A-Za-z0-9_.-]+", partitionKey)) {
      problems.add("partition-key", "'" + partitionKey + "'", "allowed is a name such as dt.");
    }
    training.check(problems);
    if (!firstStages.isEmpty()) {
      training.forRound("first", "unset", "unset", "unset", "", firstStages).check(problems);
    }
  }
}
