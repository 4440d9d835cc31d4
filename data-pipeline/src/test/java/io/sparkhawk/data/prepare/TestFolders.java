package io.sparkhawk.data.prepare;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Looks at and removes whole folders. */
final class TestFolders {

  private TestFolders() {}

  /** The content of all files below {@code folder}, by relative name. */
  static SortedMap<String, byte[]> content(Path folder) {
    SortedMap<String, byte[]> content = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        content.put(folder.relativize(file).toString(), Files.readAllBytes(file));
      }
      return content;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
