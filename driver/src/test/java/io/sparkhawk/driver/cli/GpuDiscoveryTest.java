package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script by which Spark finds GPUs, with programs that answer as nvidia-smi does. */
class GpuDiscoveryTest {

  private static final Path SCRIPT = Path.of("../deploy/bin/gpu-discovery").toAbsolutePath();

  @TempDir private Path folder;

  @Test
  void eachGpuIsAnAddressAsSparkReadsThem() throws Exception {
    Result result = discover("echo 0; echo 1; echo 7");
    assertThat(result.exitCode).isZero();
    Map<String, Object> gpus = Map.of("name", "gpu", "addresses", List.of("0", "1", "7"));
    assertThat(new ObjectMapper().readTree(result.printed))
        .isEqualTo(new ObjectMapper().valueToTree(gpus));
  }

  @Test
  void whatIsNoGpuIsSaidInsteadOfAnEmptyList() throws Exception {
    assertThat(discover("true").printed).contains("nvidia-smi finds no GPU");
    assertThat(discover("echo No devices were found").printed).contains("'No devices were found'");
    Result failed = discover("echo NVIDIA-SMI has failed; exit 9");
    assertThat(failed.exitCode).isEqualTo(1);
    assertThat(failed.printed).contains("nvidia-smi failed: NVIDIA-SMI has failed");
  }

  private record Result(int exitCode, String printed) {}

  private Result discover(String nvidiaSmi) throws IOException, InterruptedException {
    Path program =
        Files.writeString(folder.resolve("nvidia-smi"), "#!/bin/sh\n" + nvidiaSmi + "\n");
    assertThat(program.toFile().setExecutable(true)).isTrue();
    Path output = folder.resolve("output");
    ProcessBuilder builder =
        new ProcessBuilder(SCRIPT.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    builder.environment().merge("PATH", folder.toString(), (path, ours) -> ours + ":" + path);
    Process process = builder.start();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new Result(process.exitValue(), Files.readString(output));
  }
}
