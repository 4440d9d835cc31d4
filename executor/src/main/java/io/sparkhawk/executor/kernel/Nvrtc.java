package io.sparkhawk.executor.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.StringArray;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.executor.tensor.DeviceMemory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** NVIDIA's run-time compiler for CUDA C++ (nvrtc.h), which comes with libtorch's CUDA builds. */
final class Nvrtc {

  static {
    Native.register(Nvrtc.class, open());
  }

  private Nvrtc() {}

  private static native int nvrtcVersion(IntByReference major, IntByReference minor);

  private static native int nvrtcCreateProgram(
      PointerByReference program,
      String source,
      String name,
      int headers,
      Pointer headerSources,
      Pointer headerNames);

  private static native int nvrtcCompileProgram(Pointer program, int options, Pointer texts);

  private static native int nvrtcGetProgramLogSize(Pointer program, LongByReference bytes);

  private static native int nvrtcGetProgramLog(Pointer program, Pointer log);

  private static native int nvrtcGetCUBINSize(Pointer program, LongByReference bytes);

  private static native int nvrtcGetCUBIN(Pointer program, Pointer image);

  private static native int nvrtcDestroyProgram(PointerByReference program);

  /** The library beside libtorch, in a folder that the loader searches, or the toolkit's. */
  private static NativeLibrary open() {
    List<String> names = new ArrayList<>();
    List<Path> folders = new ArrayList<>(List.of(DeviceMemory.libraryFolder()));
    String searched = System.getenv("LD_LIBRARY_PATH");
    if (searched != null) {
      Stream.of(searched.split(":")).filter(f -> !f.isBlank()).map(Path::of).forEach(folders::add);
    }
    folders.add(Path.of("/usr/local/cuda/lib64"));
    folders.forEach(folder -> names.addAll(librariesIn(folder)));
    names.addAll(List.of("libnvrtc.so.13", "libnvrtc.so.12"));
    Optional<NativeLibrary> found =
        names.stream().map(Nvrtc::load).flatMap(Optional::stream).findFirst();
    return found.orElseThrow(
        () ->
            new InfrastructureException(
                "NVIDIA's run-time compiler libnvrtc was not found in "
                    + folders
                    + "; it comes with PyTorch for CUDA and with the CUDA toolkit: add its folder to"
                    + " LD_LIBRARY_PATH"));
  }

  private static Optional<NativeLibrary> load(String name) {
    try {
      return Optional.of(NativeLibrary.getInstance(name));
    } catch (UnsatisfiedLinkError e) {
      return Optional.empty();
    }
  }

  private static List<String> librariesIn(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(
              file -> file.getFileName().toString().matches("libnvrtc(-[0-9a-f]+)?\\.so[.0-9]*"))
          .map(Path::toString)
          .sorted()
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  static String version() {
    IntByReference major = new IntByReference();
    IntByReference minor = new IntByReference();
    check(nvrtcVersion(major, minor), "nvrtcVersion");
    return major.getValue() + "." + minor.getValue();
  }

  /**
   * Machine code of a source that includes one header.
   *
   * @throws IllegalStateException with the compiler's log, if the source does not compile
   */
  static byte[] compile(
      String name, String source, String headerName, String header, List<String> options) {
    PointerByReference program = new PointerByReference();
    StringArray headers = new StringArray(new String[] {header});
    StringArray headerNames = new StringArray(new String[] {headerName});
    StringArray texts = new StringArray(options.toArray(String[]::new));
    check(nvrtcCreateProgram(program, source, name, 1, headers, headerNames), "nvrtcCreateProgram");
    try {
      int status = nvrtcCompileProgram(program.getValue(), options.size(), texts);
      if (status != 0) {
        throw new IllegalStateException(
            name + " does not compile with " + options + ":\n" + log(program.getValue()));
      }
      LongByReference bytes = new LongByReference();
      check(nvrtcGetCUBINSize(program.getValue(), bytes), "nvrtcGetCUBINSize");
      try (Memory image = new Memory(bytes.getValue())) {
        check(nvrtcGetCUBIN(program.getValue(), image), "nvrtcGetCUBIN");
        return image.getByteArray(0, Math.toIntExact(bytes.getValue()));
      }
    } finally {
      check(nvrtcDestroyProgram(program), "nvrtcDestroyProgram");
    }
  }

  private static String log(Pointer program) {
    LongByReference bytes = new LongByReference();
    check(nvrtcGetProgramLogSize(program, bytes), "nvrtcGetProgramLogSize");
    try (Memory text = new Memory(Math.max(1, bytes.getValue()))) {
      check(nvrtcGetProgramLog(program, text), "nvrtcGetProgramLog");
      return text.getString(0, StandardCharsets.UTF_8.name());
    }
  }

  private static void check(int status, String function) {
    if (status != 0) {
      throw new InfrastructureException("the CUDA compiler failed in " + function + ": " + status);
    }
  }
}
