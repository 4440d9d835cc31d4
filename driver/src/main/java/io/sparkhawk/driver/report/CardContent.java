package io.sparkhawk.driver.report;

import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.driver.progress.RunSummary;
import io.sparkhawk.executor.checkpoint.RunHashes;
import io.sparkhawk.executor.model.PhiConfig;
import io.sparkhawk.executor.model.StudentConfig;
import io.sparkhawk.executor.train.StageSettings;
import java.util.List;
import java.util.Objects;

/**
 * Everything that a student's card is made from.
 *
 * @param summary the run's figures
 * @param stages settings of the run's stages, in their order
 * @param teacher the teacher's folder, as the user gave it
 * @param teacherConfig the teacher's sizes
 * @param data the data set's folder, as the user gave it
 * @param manifest what the data set holds
 * @param hashes checksums of data set and teacher
 * @param student the student's sizes
 * @param version version of this program
 */
public record CardContent(
    RunSummary summary,
    List<StageSettings> stages,
    String teacher,
    PhiConfig teacherConfig,
    String data,
    DataManifest manifest,
    RunHashes hashes,
    StudentConfig student,
    String version) {

  public CardContent {
    Objects.requireNonNull(summary, "summary");
    stages = List.copyOf(stages);
    Objects.requireNonNull(teacher, "teacher");
    Objects.requireNonNull(teacherConfig, "teacherConfig");
    Objects.requireNonNull(data, "data");
    Objects.requireNonNull(manifest, "manifest");
    Objects.requireNonNull(hashes, "hashes");
    Objects.requireNonNull(student, "student");
    Objects.requireNonNull(version, "version");
  }
}
