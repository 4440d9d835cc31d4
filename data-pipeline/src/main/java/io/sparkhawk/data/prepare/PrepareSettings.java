package io.sparkhawk.data.prepare;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.setting.Setting;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** What is prepared, from which documents, with which tokenizer, and where it goes. */
public record PrepareSettings(
    @Setting(
            "Files, folders or globs with the documents: JSON lines (.jsonl, .ndjson, .json) or"
                + " plain text (.txt, one document a file), also with .gz or .zst, and Parquet."
                + " Any path that Hadoop can read; their order is the order of the documents.")
        List<String> input,
    @Setting(
            value =
                "Files, folders or globs with the documents held out for validation, kept in the"
                    + " given order. Where there are none, held-out-share takes them from the"
                    + " input.",
            defaultValue = "[]")
        List<String> validation,
    @Setting("Folder of the data set; any path that Hadoop can write.") String output,
    @Setting(
            value =
                "Hugging Face folder of the teacher: gives the size of the vocabulary, and the"
                    + " tokenizer where tokenizer is empty.",
            defaultValue = "")
        String teacher,
    @Setting(
            value = "A tokenizer.json; empty takes the one in the teacher's folder.",
            defaultValue = "")
        String tokenizer,
    @Setting(value = "Token ids in a row.", defaultValue = "2048", min = 2, max = 1048576)
        int seqLen,
    @Setting(value = "Field or column that holds the text of a document.", defaultValue = "text")
        String textColumn,
    @Setting(
            value = "Field or column that names a document's source, for counts. May be missing.",
            defaultValue = "source")
        String sourceColumn,
    @Setting(value = "Token that ends every document.", defaultValue = "<|endoftext|>")
        String endOfText,
    @Setting(
            value =
                "Share of the input documents that is held out, chosen by a hash of the text."
                    + " Without effect where validation names files.",
            defaultValue = "0.01",
            min = 0,
            max = 0.5)
        double heldOutShare,
    @Setting(
            value =
                "Longest document in characters (UTF-16 units); the rest of a longer one is left"
                    + " out.",
            defaultValue = "1000000",
            min = 1,
            max = 100000000)
        int maxDocumentCharacters,
    @Setting(
            value =
                "UTF-8 bytes of text that go into one shard. 0 chooses a 64th of the text, but at"
                    + " least 512 KiB and at most 32 MiB.",
            defaultValue = "0",
            min = 0)
        long shardBytes)
    implements Serializable {

  public PrepareSettings {
    input = List.copyOf(input);
    validation = List.copyOf(validation);
  }

  /** A builder with every default. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Checks all settings.
   *
   * @throws ConfigurationException naming every problem
   */
  void validate() {
    List<String> problems = new ArrayList<>();
    require(!input.isEmpty(), "input names no files", problems);
    require(!output.isBlank(), "output names no folder", problems);
    require(
        !tokenizer.isBlank() || !teacher.isBlank(),
        "neither teacher nor tokenizer is named; one of them gives the tokenizer",
        problems);
    require(seqLen >= 2, "seq-len is " + seqLen + ", but must be at least 2", problems);
    require(!textColumn.isBlank(), "text-column is empty", problems);
    require(
        heldOutShare >= 0 && heldOutShare <= 0.5,
        "held-out-share is " + heldOutShare + ", not between 0 and 0.5",
        problems);
    require(
        maxDocumentCharacters >= 1,
        "max-document-characters is " + maxDocumentCharacters + ", but must be at least 1",
        problems);
    require(shardBytes >= 0, "shard-bytes is " + shardBytes + ", below 0", problems);
    if (!problems.isEmpty()) {
      throw new ConfigurationException(
          "The settings of prepare are wrong: " + String.join("; ", problems) + ".");
    }
  }

  private static void require(boolean holds, String problem, List<String> problems) {
    if (!holds) {
      problems.add(problem);
    }
  }

  /** Collects settings; those that are not set keep their defaults. */
  public static final class Builder {

    private List<String> input = List.of();
    private List<String> validation = List.of();
    private String output = "";
    private String teacher = "";
    private String tokenizer = "";
    private int seqLen = 2048;
    private String textColumn = "text";
    private String sourceColumn = "source";
    private String endOfText = "<|endoftext|>";
    private double heldOutShare = 0.01;
    private int maxDocumentCharacters = 1_000_000;
    private long shardBytes;

    private Builder() {}

    public Builder input(List<String> paths) {
      input = List.copyOf(paths);
      return this;
    }

    public Builder validation(List<String> paths) {
      validation = List.copyOf(paths);
      return this;
    }

    public Builder output(String folder) {
      output = folder;
      return this;
    }

    public Builder teacher(String folder) {
      teacher = folder;
      return this;
    }

    public Builder tokenizer(String file) {
      tokenizer = file;
      return this;
    }

    public Builder seqLen(int ids) {
      seqLen = ids;
      return this;
    }

    public Builder textColumn(String column) {
      textColumn = column;
      return this;
    }

    public Builder sourceColumn(String column) {
      sourceColumn = column;
      return this;
    }

    public Builder endOfText(String token) {
      endOfText = token;
      return this;
    }

    public Builder heldOutShare(double share) {
      heldOutShare = share;
      return this;
    }

    public Builder maxDocumentCharacters(int characters) {
      maxDocumentCharacters = characters;
      return this;
    }

    public Builder shardBytes(long bytes) {
      shardBytes = bytes;
      return this;
    }

    public PrepareSettings build() {
      return new PrepareSettings(
          input,
          validation,
          output,
          teacher,
          tokenizer,
          seqLen,
          textColumn,
          sourceColumn,
          endOfText,
          heldOutShare,
          maxDocumentCharacters,
          shardBytes);
    }
  }
}
