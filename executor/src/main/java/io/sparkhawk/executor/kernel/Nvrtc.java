package io.sparkhawk.executor.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.StringArray;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import io.sparkhawk.data.error.InfrastructureException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** NVIDIA's run-time compiler for CUDA C++ (nvrtc.h), which comes with libtorch's CUDA builds. */
final class Nvrtc {

  static {
    Native.register(
        Nvrtc.class, CudaLibraries.require("nvrtc", "libnvrtc.so.13", "libnvrtc.so.12"));
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
