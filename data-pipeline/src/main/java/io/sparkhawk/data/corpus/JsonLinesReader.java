package io.sparkhawk.data.corpus;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import io.sparkhawk.data.error.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.TreeSet;

/** Reads one JSON object a line; blank lines are passed over, a null text is an empty one. */
final class JsonLinesReader extends DocumentReader {

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(LineReader.MAX_LINE_BYTES).build())
          .build();

  private final LineReader lines;
  private final DocumentColumns columns;

  JsonLinesReader(CorpusFile file, InputStream in, DocumentColumns columns) {
    super(file);
    this.lines = new LineReader(in);
    this.columns = columns;
  }

  @Override
  Optional<Document> readNext() throws IOException {
    while (lines.next()) {
      if (!lines.isBlank()) {
        return Optional.of(parse());
      }
    }
    return Optional.empty();
  }

  private Document parse() throws IOException {
    try (JsonParser parser = JSON.createParser(lines.bytes(), 0, lines.length())) {
      return parse(parser);
    } catch (JsonProcessingException e) {
      throw new DataException(
          at()
              + " is not a JSON object: "
              + e.getOriginalMessage()
              + ". Correct or remove the line.",
          e);
    }
  }

  private Document parse(JsonParser parser) throws IOException {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw new DataException(
          at() + " is not a JSON object but begins with another value. Write one object a line.");
    }
    Optional<String> text = Optional.empty();
    String source = "";
    TreeSet<String> others = new TreeSet<>();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      if (name.equals(columns.text())) {
        text = Optional.of(text(parser, value));
      } else if (name.equals(columns.source()) && value == JsonToken.VALUE_STRING) {
        source = parser.getText();
      } else {
        others.add(name);
        parser.skipChildren();
      }
    }
    if (parser.nextToken() != null) {
      throw new DataException(at() + " holds more than one JSON value. Write one object a line.");
    }
    if (text.isEmpty()) {
      throw new DataException(
          at()
              + " has no field \""
              + columns.text()
              + "\"; its other fields are "
              + others
              + ". Name the right one with text-column.");
    }
    return new Document(text.get(), source);
  }

  private String text(JsonParser parser, JsonToken value) throws IOException {
    if (value == JsonToken.VALUE_NULL) {
      return "";
    }
    if (value != JsonToken.VALUE_STRING) {
      throw new DataException(
          at()
              + ": the field \""
              + columns.text()
              + "\" is not a string. Name another one with text-column.");
    }
    return parser.getText();
  }

  private String at() {
    return "Line " + lines.number() + " of " + file().uri();
  }

  @Override
  String position() {
    return " after line " + lines.number();
  }

  @Override
  public void close() {
    try {
      lines.close();
    } catch (IOException e) {
      throw unreadable(file(), position(), e);
    }
  }
}
