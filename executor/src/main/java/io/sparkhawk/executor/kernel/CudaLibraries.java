package io.sparkhawk.executor.kernel;

import com.sun.jna.NativeLibrary;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.tensor.DeviceMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds NVIDIA's libraries that come with libtorch's CUDA builds. */
final class CudaLibraries {

  private CudaLibraries() {}

  /**
   * The library beside libtorch, in a folder that the loader searches, or the toolkit's.
   *
   * @param name without "lib" and suffix, such as nvrtc
   * @param known file names that the loader may know, such as libnvrtc.so.13
   */
  static Optional<NativeLibrary> find(String name, String... known) {
    List<String> candidates = new ArrayList<>();
    folders().forEach(folder -> candidates.addAll(librariesIn(folder, name)));
    candidates.addAll(List.of(known));
    return candidates.stream().map(CudaLibraries::load).flatMap(Optional::stream).findFirst();
  }

  /**
   * As {@link #find}.
   *
   * @throws InfrastructureException if the library is not there
   */
  static NativeLibrary require(String name, String... known) {
    return find(name, known)
        .orElseThrow(
            () ->
                new InfrastructureException(
                    "NVIDIA's library lib"
                        + name
                        + " was not found in "
                        + folders()
                        + "; it comes with PyTorch for CUDA: add its folder to LD_LIBRARY_PATH"));
  }

  private static List<Path> folders() {
    List<Path> folders = new ArrayList<>(List.of(DeviceMemory.libraryFolder()));
    String searched = System.getenv("LD_LIBRARY_PATH");
    if (searched != null) {
      Stream.of(searched.split(":")).filter(f -> !f.isBlank()).map(Path::of).forEach(folders::add);
    }
    folders.add(Path.of("/usr/local/cuda/lib64"));
    return folders;
  }

  private static Optional<NativeLibrary> load(String name) {
    try {
      return Optional.of(NativeLibrary.getInstance(name));
    } catch (UnsatisfiedLinkError e) {
      return Optional.empty();
    }
  }

  private static List<String> librariesIn(Path folder, String name) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(
              file ->
                  file.getFileName().toString().matches("lib" + name + "(-[0-9a-f]+)?\\.so[.0-9]*"))
          .map(Path::toString)
          .sorted()
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
