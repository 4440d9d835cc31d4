package io.sparkhawk.executor.kernel;

import io.sparkhawk.data.error.InfrastructureException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Compiles our kernels' sources with NVRTC and keeps the result on disk, by the hash of all that it
 * follows from: in the folder that SPARKHAWK_KERNEL_CACHE names, or ~/.cache/sparkhawk/kernels.
 */
final class Compiler {

  private static final String HEADER = "common.cuh";

  private Compiler() {}

  /**
   * Machine code (cubin) of a source.
   *
   * @param capability ten times the compute capability of the card, such as 90
   */
  static byte[] compile(String source, int capability, String... definitions) {
    String code = resource(source + ".cu");
    String header = resource(HEADER);
    List<String> options = new ArrayList<>(List.of("--std=c++17"));
    options.add("--gpu-architecture=sm_" + capability);
    for (String definition : definitions) {
      options.add("-D" + definition);
    }
    Path cached = cacheFolder().resolve(hash(code, header, options) + ".cubin");
    try {
      if (Files.exists(cached)) {
        return Files.readAllBytes(cached);
      }
      byte[] image = Nvrtc.compile(source + ".cu", code, HEADER, header, options);
      store(cached, image);
      return image;
    } catch (IOException e) {
      throw new InfrastructureException(
          "cannot keep compiled kernels in " + cached.getParent() + ": " + e.getMessage(), e);
    }
  }

  /** Several executors of a host may do this at once: the file appears whole or not at all. */
  private static void store(Path file, byte[] image) throws IOException {
    Files.createDirectories(file.getParent());
    Path part = Files.createTempFile(file.getParent(), "kernel", ".part");
    try {
      Files.write(part, image);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static Path cacheFolder() {
    String named = System.getenv("SPARKHAWK_KERNEL_CACHE");
    return named != null && !named.isBlank()
        ? Path.of(named)
        : Path.of(System.getProperty("user.home"), ".cache", "sparkhawk", "kernels");
  }

  private static String hash(String code, String header, List<String> options) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (String part : List.of(Nvrtc.version(), code, header, String.join(" ", options))) {
        digest.update(part.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static String resource(String name) {
    try (InputStream in = Compiler.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the kernel source " + name + " is not in the program");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
