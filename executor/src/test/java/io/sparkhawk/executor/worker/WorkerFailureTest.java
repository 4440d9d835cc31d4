package io.sparkhawk.executor.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.UnknownStateException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class WorkerFailureTest {

  @ParameterizedTest
  @MethodSource("explained")
  void anExplainedFailureComesBackAsTheSameExceptionWithTheSameSentence(RuntimeException thrown)
      throws Exception {
    RuntimeException arrived = sent(WorkerFailure.of(thrown)).toException();
    assertThat(arrived).hasSameClassAs(thrown).hasMessage(thrown.getMessage());
    assertThat(arrived.getCause()).hasMessageContaining("WorkerFailureTest");
  }

  static Stream<RuntimeException> explained() {
    return Stream.of(
        new ConfigurationException("The batch is too large."),
        new DataException("Shard 3 is corrupt.", new IOException("checksum")),
        new InfrastructureException("The disk is full."),
        new UnknownStateException("The manifest may have been written."));
  }

  @Test
  void outOfMemoryIsExplainedAsInfrastructure() throws Exception {
    RuntimeException arrived =
        sent(WorkerFailure.of(new OutOfMemoryError("Java heap space"))).toException();
    assertThat(arrived)
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("out of memory (Java heap space)");
  }

  @Test
  void anErrorInTheProgramIsNotDressedUpAsAnythingElse() throws Exception {
    RuntimeException arrived =
        sent(WorkerFailure.of(new IllegalStateException("no such tensor"))).toException();
    assertThat(arrived)
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessageContaining("no such tensor");
  }

  private static WorkerFailure sent(WorkerFailure failure) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(failure);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      return (WorkerFailure) in.readObject();
    }
  }
}
