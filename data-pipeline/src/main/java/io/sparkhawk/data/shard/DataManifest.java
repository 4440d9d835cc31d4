package io.sparkhawk.data.shard;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.JsonNode;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.JsonFormat;
import io.sparkhawk.data.storage.Storage;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * The table of contents of a data set folder, {@code manifest.json}. It is written last, once: a
 * folder without it is not a data set yet.
 *
 * @param format version of the folder's form
 * @param seqLen token ids in a row
 * @param vocabularySize every id is below it
 * @param endOfText id that follows every document
 * @param tokenizerSha256 checksum of the {@code tokenizer.json}
 * @param settingsSha256 hash of all settings that the rows depend on
 * @param corpusSha256 hash over the texts of all documents in their order
 * @param counts what the corpus held
 * @param sources the files that were read, in order
 * @param train rows to train on
 * @param validation rows held out
 */
public record DataManifest(
    int format,
    int seqLen,
    int vocabularySize,
    int endOfText,
    String tokenizerSha256,
    String settingsSha256,
    String corpusSha256,
    CorpusCounts counts,
    List<SourceFile> sources,
    SplitManifest train,
    SplitManifest validation) {

  /** The version that is written. */
  public static final int FORMAT = 1;

  /** Name of the file within the folder. */
  public static final String FILE_NAME = "manifest.json";

  public DataManifest {
    sources = List.copyOf(sources);
  }

  /**
   * One file of the corpus.
   *
   * @param documents all documents in it
   */
  public record SourceFile(String uri, long bytes, long documents) {}

  /**
   * Reads the manifest of a data set folder.
   *
   * @throws DataException if there is none, or it is of another version
   */
  public static DataManifest read(FileSystem fileSystem, Path folder) {
    return readIfPresent(fileSystem, folder)
        .orElseThrow(
            () ->
                new DataException(
                    folder
                        + " is not a finished data set: it has no "
                        + FILE_NAME
                        + ". Run prepare (again) with this output folder."));
  }

  /** As {@link #read}, but empty where the folder has no manifest. */
  public static Optional<DataManifest> readIfPresent(FileSystem fileSystem, Path folder) {
    Path file = new Path(folder, FILE_NAME);
    return Storage.of(fileSystem).readIfPresent(file).map(content -> parse(file, content));
  }

  private static DataManifest parse(Path file, byte[] content) {
    JsonNode version = JsonFormat.readTree(content, file).path("format");
    if (version.asInt() != FORMAT) {
      throw new DataException(
          file
              + " has format version "
              + version
              + ", but this program reads version "
              + FORMAT
              + ". Prepare the data set again.");
    }
    return JsonFormat.read(content, DataManifest.class, file);
  }

  /** What the rows of all shards look like. */
  @JsonIgnore
  public ShardFormat shardFormat() {
    return new ShardFormat(seqLen, vocabularySize, settingsSha256);
  }

  /** The content of the file. */
  public byte[] toJson() {
    return JsonFormat.write(this);
  }
}
