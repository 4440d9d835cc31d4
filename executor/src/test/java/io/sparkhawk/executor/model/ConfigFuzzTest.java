package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.error.SparkhawkException;
import io.sparkhawk.testing.Fuzz;
import io.sparkhawk.testing.Mutations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Configurations of models that were damaged, or made to do harm. */
@Timeout(120)
class ConfigFuzzTest {

  private static final Path TEACHER = Path.of("../deploy/quickstart/teacher/config.json");

  @TempDir private Path folder;

  @Test
  void damagedTeacherIsTakenOrRefusedInASentence() throws IOException {
    fuzz(Files.readString(TEACHER), PhiConfig::read);
  }

  @Test
  void damagedStudentIsTakenOrRefusedInASentence() throws IOException {
    PhiConfig teacher = PhiConfig.read(TEACHER.getParent());
    StudentConfig student =
        new StudentConfig(
            teacher.width(),
            teacher.blocks(),
            teacher.heads(),
            teacher.vocabulary(),
            MixerKind.MAMBA2,
            16,
            4,
            1,
            32,
            List.of(1),
            teacher.rotaryDimensions(),
            teacher.ropeTheta(),
            teacher.maxPositions());
    fuzz(
        student.toJson(),
        path -> {
          StudentConfig.isIn(path);
          StudentConfig.read(path);
        });
  }

  private void fuzz(String json, Consumer<Path> read) {
    Path file = folder.resolve("config.json");
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(SparkhawkException.class, file.toString())
            .within(4 << 20, 100)
            .run(
                2000,
                random -> Mutations.ofJson(random, json.strip()),
                content -> {
                  Files.write(file, content);
                  read.accept(folder);
                });
    assertThat(outcome.taken()).isPositive();
    assertThat(outcome.refused()).isPositive();
  }
}
