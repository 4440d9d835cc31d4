package io.sparkhawk.data.shard;

import io.sparkhawk.data.error.DataException;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * What stands in a shard file. It is an Arrow IPC file whose only column, {@code tokens}, is a
 * FixedSizeList of {@code rowLength} ids (uint16 or int32), compressed with zstd:
 *
 * <pre>
 * file     = "ARROW1", schema, batch*, footer with custom metadata, "ARROW1"
 * batch    = rowsPerBatch rows; the last batch of the file may have fewer
 * metadata = sparkhawk.format, sparkhawk.version, sparkhawk.settings, sparkhawk.vocabulary,
 *            sparkhawk.rows, sparkhawk.rows-per-batch
 * </pre>
 *
 * <p>The bytes follow from the rows and this description alone.
 *
 * @param rowLength ids in a row
 * @param vocabularySize every id is below it
 * @param settingsSha256 hash of the settings that the rows were prepared with
 */
public record ShardFormat(int rowLength, int vocabularySize, String settingsSha256)
    implements Serializable {

  /** The version that is written. */
  public static final int VERSION = 1;

  static final String COLUMN = "tokens";

  private static final String MAGIC = "sparkhawk-tokens";
  private static final String FORMAT_KEY = "sparkhawk.format";
  private static final String VERSION_KEY = "sparkhawk.version";
  private static final String SETTINGS_KEY = "sparkhawk.settings";
  private static final String VOCABULARY_KEY = "sparkhawk.vocabulary";
  static final String ROWS_KEY = "sparkhawk.rows";
  static final String ROWS_PER_BATCH_KEY = "sparkhawk.rows-per-batch";

  /**
   * Ids in a batch, about: a random row costs the decompression of one batch, and larger batches
   * compress hardly better.
   */
  private static final int TOKENS_PER_BATCH = 1 << 14;

  int rowsPerBatch() {
    return Math.max(1, TOKENS_PER_BATCH / rowLength);
  }

  TokenType tokenType() {
    return TokenType.forVocabulary(vocabularySize);
  }

  Schema schema() {
    Field id = new Field("id", FieldType.notNullable(tokenType().arrowType()), List.of());
    FieldType list = FieldType.notNullable(new ArrowType.FixedSizeList(rowLength));
    return new Schema(List.of(new Field(COLUMN, list, List.of(id))));
  }

  /** The metadata of a file; the rows are entered when they are all written. */
  Map<String, String> metadata() {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(FORMAT_KEY, MAGIC);
    metadata.put(VERSION_KEY, Integer.toString(VERSION));
    metadata.put(SETTINGS_KEY, settingsSha256);
    metadata.put(VOCABULARY_KEY, Integer.toString(vocabularySize));
    metadata.put(ROWS_PER_BATCH_KEY, Integer.toString(rowsPerBatch()));
    return metadata;
  }

  /**
   * Recognizes a shard by what its footer says.
   *
   * @throws DataException if it is another Arrow file, or of another version
   */
  static ShardFormat recognize(Object file, Map<String, String> metadata, Schema schema) {
    if (!MAGIC.equals(metadata.get(FORMAT_KEY))) {
      throw new DataException(
          file
              + " is an Arrow file, but not a token shard. Prepare the data set with this program.");
    }
    if (!Integer.toString(VERSION).equals(metadata.get(VERSION_KEY))) {
      throw new DataException(
          file
              + " has shard version "
              + metadata.get(VERSION_KEY)
              + ", but this program reads version "
              + VERSION
              + ". Prepare the data set again.");
    }
    if (schema.getFields().size() != 1
        || !(schema.getFields().get(0).getType() instanceof ArrowType.FixedSizeList list)) {
      throw new DataException(
          file
              + " should have one column of fixed-size lists, but has "
              + schema.getFields()
              + ".");
    }
    ShardFormat format =
        new ShardFormat(
            list.getListSize(),
            number(file, metadata, VOCABULARY_KEY),
            metadata.getOrDefault(SETTINGS_KEY, ""));
    if (!format.schema().getFields().equals(schema.getFields())) {
      throw new DataException(
          file
              + " should have the columns "
              + format.schema().getFields()
              + ", but has "
              + schema.getFields()
              + ".");
    }
    return format;
  }

  static int number(Object file, Map<String, String> metadata, String key) {
    try {
      return Integer.parseInt(metadata.getOrDefault(key, ""));
    } catch (NumberFormatException e) {
      throw new DataException(
          file + " has the metadata " + key + " = \"" + metadata.get(key) + "\", not a number.", e);
    }
  }
}
