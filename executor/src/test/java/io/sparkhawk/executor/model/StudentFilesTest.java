package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.HostMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StudentFilesTest {

  private static final Path TEACHER = Path.of("src/test/resources/golden/pure/teacher");

  @TempDir private Path folder;

  private StudentConfig config(MixerKind mixer, List<Integer> attentionBlocks) {
    return StudentConfig.of(
        PhiConfig.read(TEACHER), new StudentSettings(mixer, false, 8, 3, 2, 4, attentionBlocks));
  }

  private void write(LanguageModel student, StudentConfig config) {
    org.apache.hadoop.fs.Path target = new org.apache.hadoop.fs.Path(folder.toUri());
    StudentFiles.write(
        student, config, Storage.of(new Configuration(false), target), target, TEACHER, Map.of());
  }

  @ParameterizedTest
  @CsvSource({
    "MAMBA2, false, modules.mixers.discrete_mamba2",
    "MAMBA2, true, modules.mixers.discrete_mamba2",
    "LOW_RANK, false, sparkhawk.mixers.low_rank",
    "LOW_RANK, true, sparkhawk.mixers.low_rank",
    "TOEPLITZ, false, sparkhawk.mixers.toeplitz",
    "TOEPLITZ, true, sparkhawk.mixers.toeplitz"
  })
  void writtenStudentIsReadBackBitForBit(MixerKind mixer, boolean hybrid, String coreType)
      throws IOException {
    StudentConfig config = config(mixer, hybrid ? List.of(1) : List.of());
    try (LanguageModel teacher = Models.loadTeacher(TEACHER, Device.cpu(), ElementType.FLOAT32);
        LanguageModel student = Models.newStudent(teacher, config, 7, false)) {
      write(student, config);

      assertThat(Files.readString(folder.resolve("config.json")))
          .contains('"' + coreType + '"')
          .isEqualTo(StudentConfig.read(folder).toJson());
      try (LanguageModel read = Models.loadStudent(folder, Device.cpu(), ElementType.FLOAT32)) {
        List<Parameter> written = student.parameters();
        assertThat(read.parameters()).hasSameSizeAs(written);
        for (int i = 0; i < written.size(); i++) {
          Parameter parameter = read.parameters().get(i);
          assertThat(parameter.name()).isEqualTo(written.get(i).name());
          assertThat(HostMemory.copyFloat32(parameter.value()))
              .as(parameter.name())
              .isEqualTo(HostMemory.copyFloat32(written.get(i).value()));
        }
      }
    }
  }

  @Test
  void studentWithAMixerOfUnknownNameIsRefused() throws IOException {
    String json = config(MixerKind.LOW_RANK, List.of()).toJson();
    Files.writeString(
        folder.resolve("config.json"), json.replace("mixers.low_rank", "mixers.high_rank"));

    assertThatThrownBy(() -> StudentConfig.read(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("sparkhawk.mixers.high_rank")
        .hasMessageContaining("config.json");
  }
}
