package io.sparkhawk.data.corpus;

import io.sparkhawk.data.error.DataException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.ParquetRuntimeException;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

/** Reads one row of a Parquet file as a document, only the columns it needs; null text is empty. */
final class ParquetDocumentReader extends DocumentReader {

  private final ParquetReader<Group> rows;
  private final DocumentColumns columns;
  private final boolean hasSource;
  private long row;

  private ParquetDocumentReader(
      CorpusFile file, ParquetReader<Group> rows, DocumentColumns columns, boolean hasSource) {
    super(file);
    this.rows = rows;
    this.columns = columns;
    this.hasSource = hasSource;
  }

  static ParquetDocumentReader of(Configuration hadoop, CorpusFile file, DocumentColumns columns)
      throws IOException {
    try {
      InputFile input = HadoopInputFile.fromPath(new Path(file.uri()), hadoop);
      MessageType schema = schema(input);
      requireText(file, schema, columns.text());
      boolean hasSource = isString(schema, columns.source());
      Configuration projection = new Configuration(hadoop);
      projection.set(
          ReadSupport.PARQUET_READ_SCHEMA, projected(schema, columns, hasSource).toString());
      return new ParquetDocumentReader(
          file, new Builder(input).withConf(projection).build(), columns, hasSource);
    } catch (ParquetRuntimeException e) {
      throw notParquet(file, "", e);
    }
  }

  private static MessageType schema(InputFile input) throws IOException {
    try (ParquetFileReader reader = ParquetFileReader.open(input)) {
      return reader.getFileMetaData().getSchema();
    } catch (ParquetRuntimeException e) {
      throw e;
    } catch (RuntimeException e) {
      // A file that is no Parquet file is reported as a bare RuntimeException.
      throw new IOException(e.getMessage(), e);
    }
  }

  private static void requireText(CorpusFile file, MessageType schema, String column) {
    if (isString(schema, column)) {
      return;
    }
    String found =
        schema.containsField(column)
            ? "the column \"" + column + "\" is not a string but " + schema.getType(column)
            : "there is no column \""
                + column
                + "\"; the columns are "
                + schema.getFields().stream().map(Type::getName).toList();
    throw new DataException(
        "Cannot read " + file.uri() + ": " + found + ". Name the right one with text-column.");
  }

  private static boolean isString(MessageType schema, String column) {
    if (!schema.containsField(column)) {
      return false;
    }
    Type type = schema.getType(column);
    return type.isPrimitive()
        && !type.isRepetition(Type.Repetition.REPEATED)
        && type.asPrimitiveType().getPrimitiveTypeName() == PrimitiveTypeName.BINARY;
  }

  private static MessageType projected(
      MessageType schema, DocumentColumns columns, boolean hasSource) {
    List<Type> fields = new ArrayList<>();
    fields.add(schema.getType(columns.text()));
    if (hasSource && !columns.source().equals(columns.text())) {
      fields.add(schema.getType(columns.source()));
    }
    return new MessageType(schema.getName(), fields);
  }

  @Override
  Optional<Document> readNext() throws IOException {
    try {
      Group group = rows.read();
      if (group == null) {
        return Optional.empty();
      }
      row++;
      return Optional.of(
          new Document(
              value(group, columns.text()), hasSource ? value(group, columns.source()) : ""));
    } catch (ParquetRuntimeException e) {
      throw notParquet(file(), position(), e);
    }
  }

  private static String value(Group group, String column) {
    return group.getFieldRepetitionCount(column) == 0 ? "" : group.getString(column, 0);
  }

  private static DataException notParquet(
      CorpusFile file, String position, ParquetRuntimeException cause) {
    return unreadable(file, position, new IOException(cause.getMessage(), cause));
  }

  @Override
  String position() {
    return " after row " + row;
  }

  @Override
  public void close() {
    try {
      rows.close();
    } catch (IOException e) {
      throw unreadable(file(), position(), e);
    }
  }

  /** The reader of Parquet's generic rows on an already opened file. */
  private static final class Builder extends ParquetReader.Builder<Group> {

    Builder(InputFile input) {
      super(input);
    }

    @Override
    protected ReadSupport<Group> getReadSupport() {
      return new GroupReadSupport();
    }
  }
}
