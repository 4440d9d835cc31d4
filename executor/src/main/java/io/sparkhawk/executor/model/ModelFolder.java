package io.sparkhawk.executor.model;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Storage;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;

/**
 * Makes a model's folder, wherever it is stored, one on the local disk, whose files can be mapped.
 */
public final class ModelFolder {

  private static final String CONFIG = "config.json";

  private ModelFolder() {}

  /**
   * The folder itself if it is local, else a copy of its files.
   *
   * @param uri Hadoop path of the folder
   * @param localCache where copies go; a copy that is complete is used again
   * @throws DataException if there is no such folder, or no model in it
   */
  public static java.nio.file.Path local(
      Configuration hadoop, String uri, java.nio.file.Path localCache) {
    Path folder = new Path(uri);
    Storage storage = Storage.of(hadoop, folder);
    try {
      FileStatus[] files = storage.fileSystem().listStatus(folder);
      if (Arrays.stream(files).noneMatch(file -> file.getPath().getName().equals(CONFIG))) {
        throw new DataException(
            "The folder "
                + uri
                + " holds no model: it has no config.json. Check the path; a run's student is in"
                + " the run's folder \"student\".");
      }
      if (storage.isLocal()) {
        return storage.localPath(folder);
      }
      return copied(storage, folder, files, localCache);
    } catch (FileNotFoundException e) {
      throw new DataException("There is no model folder " + uri + ". Check the path.", e);
    } catch (IOException e) {
      throw new InfrastructureException("Cannot read the model folder " + uri + ".", e);
    }
  }

  private static java.nio.file.Path copied(
      Storage storage, Path folder, FileStatus[] files, java.nio.file.Path localCache)
      throws IOException {
    StringBuilder version = new StringBuilder(folder.toString());
    for (FileStatus file : files) {
      version.append(file.getPath().getName()).append(file.getLen());
      version.append(file.getModificationTime());
    }
    String name = UUID.nameUUIDFromBytes(version.toString().getBytes(StandardCharsets.UTF_8)) + "";
    java.nio.file.Path target = localCache.resolve("model-" + name);
    if (!Files.isDirectory(target)) {
      Files.createDirectories(localCache);
      java.nio.file.Path partial = Files.createTempDirectory(localCache, "model-partial-");
      for (FileStatus file : files) {
        if (file.isFile()) {
          Path copy = new Path(partial.resolve(file.getPath().getName()).toUri());
          storage.fileSystem().copyToLocalFile(false, file.getPath(), copy, true);
        }
      }
      moveInPlace(partial, target);
    }
    return target;
  }

  private static void moveInPlace(java.nio.file.Path partial, java.nio.file.Path target)
      throws IOException {
    try {
      Files.move(partial, target);
    } catch (IOException e) {
      // Another worker of this host was faster; its copy is the same.
      if (!Files.isDirectory(target)) {
        throw e;
      }
    }
  }
}
