package io.sparkhawk.data.prepare;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.shard.ShardSources;
import io.sparkhawk.data.storage.JsonFormat;
import io.sparkhawk.data.storage.Storage;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;

/**
 * The output folder while it is made. In the order in which they appear:
 *
 * <pre>
 * settings.json            what the folder is for; a run with other settings is refused
 * corpus.json              hash of the documents; a run that reads other documents is refused
 * train-00000.arrow ...    shards, in any order
 * sources/validation-00000.json ...  where the tokens of a held-out shard come from
 * finished/train-00000.json ...  after each shard's file: the shard need not be made again
 * manifest.json            the data set is complete
 * </pre>
 *
 * <p>Every file appears whole and is never changed, so a run may be killed at any moment, and two
 * runs at once do no harm to each other: equal settings make equal files.
 */
final class DataFolder {

  private static final String SETTINGS_FILE = "settings.json";
  private static final String CORPUS_FILE = "corpus.json";
  private static final String FINISHED_FOLDER = "finished";

  private final Storage storage;
  private final Path folder;

  private DataFolder(Storage storage, Path folder) {
    this.storage = storage;
    this.folder = folder;
  }

  static DataFolder at(Configuration hadoop, String folder) {
    Path path = Storage.path(folder);
    Storage storage = Storage.of(hadoop, path);
    return new DataFolder(storage, storage.fileSystem().makeQualified(path));
  }

  /**
   * Makes the folder one for {@code settings}, unless it is already.
   *
   * @throws ConfigurationException if it belongs to other settings, or holds something else
   */
  void claim(FolderSettings settings) {
    Path file = new Path(folder, SETTINGS_FILE);
    if (storage.readIfPresent(file).isEmpty() && !isEmpty()) {
      throw new ConfigurationException(
          "The output folder "
              + folder
              + " holds files, but no data set. Name an empty or a new folder with output.");
    }
    if (storage.createIfAbsent(file, JsonFormat.write(settings))) {
      return;
    }
    FolderSettings existing =
        JsonFormat.read(storage.read(file, "The settings"), FolderSettings.class, file);
    throw new ConfigurationException(
        "The output folder "
            + folder
            + " was begun with other settings: "
            + String.join("; ", settings.differences(existing))
            + ". Name another folder with output, or use the same settings.");
  }

  private boolean isEmpty() {
    return list(folder).stream().allMatch(DataFolder::isHidden);
  }

  private List<FileStatus> list(Path path) {
    try {
      return List.of(storage.fileSystem().listStatus(path));
    } catch (FileNotFoundException e) {
      return List.of();
    } catch (IOException e) {
      throw Storage.readFailure(path, e);
    }
  }

  private static boolean isHidden(FileStatus file) {
    return file.getPath().getName().startsWith(".");
  }

  /**
   * Fixes the documents that the folder is made of.
   *
   * @throws DataException if an earlier run read other documents
   */
  void claimCorpus(CorpusIndex index) {
    Path file = new Path(folder, CORPUS_FILE);
    if (!storage.createIfAbsent(
        file, JsonFormat.write(new CorpusIdentity(index.sha256(), index.counts().documents())))) {
      throw new DataException(
          "The input has changed since an earlier run began to prepare "
              + folder
              + ": the texts are not those of "
              + file
              + ". Restore the input, or name another folder with output.");
    }
  }

  private record CorpusIdentity(String sha256, long documents) {}

  /** The shards that are finished and whose files are there, by name. */
  Map<String, ShardRecord> finished() {
    Map<String, Long> lengths =
        list(folder).stream()
            .collect(Collectors.toMap(file -> file.getPath().getName(), FileStatus::getLen));
    return list(new Path(folder, FINISHED_FOLDER)).stream()
        .filter(file -> !isHidden(file))
        .map(file -> record(file.getPath()))
        .filter(
            record ->
                record.rows() == 0 || record.bytes() == lengths.getOrDefault(record.file(), -1L))
        .collect(Collectors.toMap(ShardRecord::name, Function.identity()));
  }

  private ShardRecord record(Path file) {
    return JsonFormat.read(storage.read(file, "The record of a shard"), ShardRecord.class, file);
  }

  /** Publishes a shard's file, which is not finished by that. */
  void publishShard(java.nio.file.Path local, String file) {
    storage.publish(local, new Path(folder, file));
  }

  /**
   * Publishes where the tokens of a held-out shard come from.
   *
   * @throws DataException if something else was published before
   */
  void publishSources(ShardEntry shard, ShardSources sources) {
    publishOnce(shard.file(), ShardSources.file(folder, shard), sources);
  }

  /**
   * Marks a shard as finished.
   *
   * @throws DataException if it was finished before with another content
   */
  void finish(ShardRecord record) {
    publishOnce(record.name(), recordFile(record.name()), record);
  }

  private void publishOnce(String shard, Path file, Object content) {
    if (!storage.createIfAbsent(file, JsonFormat.write(content))) {
      throw new DataException(
          "The shard "
              + shard
              + " came out differently from what "
              + file
              + " says of it: the folder was made by another version. Name another folder with"
              + " output.");
    }
  }

  private Path recordFile(String shard) {
    return new Path(new Path(folder, FINISHED_FOLDER), shard + ".json");
  }

  Optional<DataManifest> manifest() {
    return DataManifest.readIfPresent(storage.fileSystem(), folder);
  }

  /**
   * Completes the data set.
   *
   * @throws DataException if it was completed before with another content
   */
  void publishManifest(DataManifest manifest) {
    Path file = new Path(folder, DataManifest.FILE_NAME);
    if (!storage.createIfAbsent(file, manifest.toJson())) {
      throw new DataException(
          "Another run has completed "
              + file
              + " with another content. Name another folder with output.");
    }
  }

  @Override
  public String toString() {
    return folder.toString();
  }
}
