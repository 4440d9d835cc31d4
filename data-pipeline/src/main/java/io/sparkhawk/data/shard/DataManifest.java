package io.sparkhawk.data.shard;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.storage.JsonFormat;
import io.sparkhawk.data.storage.Storage;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
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

  /** Checks what shard files and readers rely on. */
  public DataManifest {
    sources = List.copyOf(sources);
    if (seqLen < 1 || vocabularySize < 1 || endOfText < 0 || endOfText >= vocabularySize) {
      throw new IllegalArgumentException(
          "rows of %d ids from a vocabulary of %d with %d as end of text cannot be"
              .formatted(seqLen, vocabularySize, endOfText));
    }
    Set<String> files = new HashSet<>();
    for (SplitManifest split : List.of(train, validation)) {
      for (ShardEntry shard : split.shards()) {
        if (!files.add(shard.file())) {
          throw new IllegalArgumentException("the shard " + shard.file() + " is named twice");
        }
        if (shard.tokens() / seqLen != shard.rows() || shard.tokens() % seqLen != 0) {
          throw new IllegalArgumentException(
              "the shard %s cannot have %d ids in %d rows of %d"
                  .formatted(shard.file(), shard.tokens(), shard.rows(), seqLen));
        }
      }
    }
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

  static DataManifest parse(Path file, byte[] content) {
    OptionalInt version = JsonFormat.number(content, "format", file);
    if (version.isEmpty() || version.getAsInt() != FORMAT) {
      throw new DataException(
          file
              + " has format version "
              + (version.isPresent() ? version.getAsInt() : "(none)")
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
