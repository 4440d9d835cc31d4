package io.sparkhawk.driver.cli;

import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.worker.WorkerTask;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The distribution as the build would assemble it, made of this test's class path. */
final class Distribution {

  private static final Path DEPLOY = Path.of("../deploy").toAbsolutePath().normalize();

  /** The tests' own, and what is unpacked into our jars instead of shipped. */
  private static final Pattern TEST_LIBRARY =
      Pattern.compile(
          "(junit|apiguardian|opentest4j|assertj|byte-buddy|archunit|hadoop-client-minicluster|proto-"
              + "|tensorflow|surefire|console|testing-|uplot-).*");

  private Distribution() {}

  /** Makes the folder, whose jars are links to those of the class path. */
  static void install(Path folder) throws IOException {
    Path jars = Files.createDirectories(folder.resolve("jars"));
    for (Path jar : libraries()) {
      Files.createSymbolicLink(jars.resolve(jar.getFileName()), jar);
    }
    ours(Main.class, jars.resolve("driver-0.jar"));
    ours(WorkerTask.class, jars.resolve("executor-0.jar"));
    ours(Storage.class, jars.resolve("data-pipeline-0.jar"));
    // The launcher looks for the jars beside the folder that it really lies in.
    Path bin = Files.createDirectory(folder.resolve("bin"));
    for (File program : DEPLOY.resolve("bin").toFile().listFiles()) {
      Files.copy(
          program.toPath(), bin.resolve(program.getName()), StandardCopyOption.COPY_ATTRIBUTES);
    }
    for (String part : List.of("conf", "examples", "RELEASE")) {
      Files.createSymbolicLink(folder.resolve(part), DEPLOY.resolve(part));
    }
    Files.createSymbolicLink(folder.resolve("LICENSE"), DEPLOY.resolveSibling("LICENSE"));
  }

  /** The jars of the class path that are no test's. */
  static List<Path> libraries() {
    return List.copyOf(
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> entry.endsWith(".jar"))
            .map(Path::of)
            .filter(jar -> !TEST_LIBRARY.matcher(jar.getFileName().toString()).matches())
            .collect(
                Collectors.toMap(
                    jar -> jar.getFileName().toString().replaceFirst("-\\d[\\w.]*", ""),
                    jar -> jar,
                    (first, second) -> first, // As on the class path.
                    LinkedHashMap::new))
            .values());
  }

  /** The build's modules are folders of classes until they are packaged. */
  private static void ours(Class<?> member, Path jar) throws IOException {
    Path classes;
    try {
      classes = Path.of(member.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
    if (!Files.isDirectory(classes)) {
      return; // A jar of the class path, which is there by its own name.
    }
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream out = new JarOutputStream(file);
        Stream<Path> members = Files.walk(classes)) {
      for (Path content : members.filter(Files::isRegularFile).sorted().toList()) {
        out.putNextEntry(new JarEntry(classes.relativize(content).toString()));
        Files.copy(content, out);
        out.closeEntry();
      }
    }
  }
}
