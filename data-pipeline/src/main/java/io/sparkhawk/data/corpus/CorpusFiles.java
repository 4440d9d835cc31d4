package io.sparkhawk.data.corpus;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.Storage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Finds the files of a corpus. Their order, and so the order of all documents, is that of the paths
 * as given; the matches of a glob and the files of a folder come in the order of their names.
 */
public final class CorpusFiles {

  private CorpusFiles() {}

  /**
   * Lists the files that {@code paths} name: files, folders (with all below them) or globs. In
   * folders, files of other formats and hidden ones (names that begin with a dot or underscore) are
   * passed over.
   *
   * @throws DataException if a path matches no file, cannot be listed, or names a file of a format
   *     that is not understood
   * @throws ConfigurationException if no file system serves a path
   */
  public static List<CorpusFile> list(Configuration hadoop, List<String> paths) {
    List<CorpusFile> files = new ArrayList<>();
    for (String path : paths) {
      List<CorpusFile> found = listOne(hadoop, path);
      if (found.isEmpty()) {
        throw new DataException(
            path
                + " holds no document files. Files that are read end in "
                + CorpusFormat.UNDERSTOOD
                + ".");
      }
      files.addAll(found);
    }
    return List.copyOf(files);
  }

  private static List<CorpusFile> listOne(Configuration hadoop, String text) {
    List<CorpusFile> files = new ArrayList<>();
    try {
      Path path = Storage.path(text);
      FileSystem fileSystem = Storage.of(hadoop, path).fileSystem();
      for (FileStatus match : matches(fileSystem, path)) {
        if (match.isDirectory()) {
          addFolder(fileSystem, match.getPath(), files);
        } else {
          files.add(
              file(match)
                  .orElseThrow(
                      () ->
                          new DataException(
                              "The format of "
                                  + match.getPath()
                                  + " is not known by its name. Files that are read end in "
                                  + CorpusFormat.UNDERSTOOD
                                  + ".")));
        }
      }
      return files;
    } catch (IOException e) {
      throw new DataException(
          "Cannot list " + text + ": " + e.getMessage() + ". Check that it exists and is readable.",
          e);
    }
  }

  private static List<FileStatus> matches(FileSystem fileSystem, Path path) throws IOException {
    // A name with special characters that exists is meant literally, not as a glob.
    if (fileSystem.exists(path)) {
      return List.of(fileSystem.getFileStatus(path));
    }
    FileStatus[] matches = fileSystem.globStatus(path);
    if (matches == null || matches.length == 0) {
      throw new DataException("There is no file " + path + ". Check the path: nothing matches it.");
    }
    return sorted(matches);
  }

  private static void addFolder(FileSystem fileSystem, Path folder, List<CorpusFile> files)
      throws IOException {
    for (FileStatus status : sorted(fileSystem.listStatus(folder))) {
      String name = status.getPath().getName();
      if (name.startsWith(".") || name.startsWith("_")) {
        continue;
      }
      if (status.isDirectory()) {
        addFolder(fileSystem, status.getPath(), files);
      } else {
        file(status).ifPresent(files::add);
      }
    }
  }

  private static Optional<CorpusFile> file(FileStatus status) {
    return CorpusFormat.ofName(status.getPath().getName())
        .map(format -> new CorpusFile(status.getPath().toString(), status.getLen(), format));
  }

  private static List<FileStatus> sorted(FileStatus[] statuses) {
    return Arrays.stream(statuses)
        .sorted(Comparator.comparing((FileStatus status) -> status.getPath().toString()))
        .toList();
  }
}
