package io.sparkhawk.data.storage;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/** Records to JSON and back; the same record always gives the same bytes. */
public final class JsonFormat {

  /**
   * Deeper than any file of ours, and than any recursion of a library that reads one; and no number
   * of ours has more digits.
   */
  private static final StreamReadConstraints LIMITS =
      StreamReadConstraints.builder().maxNestingDepth(100).maxNumberLength(100).build();

  private static final ObjectMapper MAPPER =
      JsonMapper.builder(JsonFactory.builder().streamReadConstraints(LIMITS).build())
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .build();

  private static final ObjectWriter WRITER =
      MAPPER.writer(new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n")));

  private JsonFormat() {}

  public static byte[] write(Object value) {
    try {
      return (WRITER.writeValueAsString(value) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Records of plain values can be written as JSON", e);
    }
  }

  /**
   * Reads a record.
   *
   * @param file where the content was found, for the message
   * @throws DataException if it is not JSON or has other fields than the record
   */
  public static <T> T read(byte[] content, Class<T> type, Object file) {
    try {
      return MAPPER.readValue(content, type);
    } catch (IOException e) {
      throw malformed(file, e);
    }
  }

  /**
   * Reads JSON of any form.
   *
   * @param file where the content was found, for the message
   * @throws DataException if it is not JSON
   */
  public static JsonNode readTree(byte[] content, Object file) {
    try {
      return MAPPER.readTree(content);
    } catch (IOException e) {
      throw malformed(file, e);
    }
  }

  /**
   * The number in a field of the outermost object, read without the rest of it; empty if there is
   * none.
   *
   * @param file where the content was found, for the message
   * @throws DataException if it is not JSON
   */
  public static OptionalInt number(byte[] content, String field, Object file) {
    try (JsonParser json = MAPPER.createParser(content)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        return OptionalInt.empty();
      }
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        boolean wanted = json.currentName().equals(field);
        if (json.nextToken() == JsonToken.VALUE_NUMBER_INT && wanted) {
          return OptionalInt.of(json.getIntValue());
        }
        json.skipChildren();
      }
      return OptionalInt.empty();
    } catch (IOException e) {
      throw malformed(file, e);
    }
  }

  private static DataException malformed(Object file, IOException cause) {
    return new DataException(
        file + " is not the JSON that is expected there: " + reason(cause) + ".", cause);
  }

  /** What is wrong with a JSON file, and where in it, without the names of classes. */
  public static String reason(IOException failure) {
    if (failure instanceof JsonMappingException mapping) {
      return mapped(mapping) + place(mapping);
    }
    if (failure instanceof JsonProcessingException json) {
      return Shortened.of(json.getOriginalMessage()) + line(json.getLocation());
    }
    return String.valueOf(failure.getMessage());
  }

  private static String mapped(JsonMappingException failure) {
    if (failure instanceof UnrecognizedPropertyException unknown) {
      return "it has an unknown field " + Shortened.of(unknown.getPropertyName());
    }
    if (failure instanceof ValueInstantiationException refused && refused.getCause() != null) {
      String why = refused.getCause().getMessage();
      return why == null || refused.getCause() instanceof NullPointerException
          ? "a value is missing"
          : Shortened.of(why);
    }
    if (failure instanceof InvalidFormatException wrong) {
      return "it has the value " + Shortened.of(String.valueOf(wrong.getValue()));
    }
    if (failure.getOriginalMessage().startsWith("Missing creator property")
        || failure.getOriginalMessage().startsWith("Null value for creator property")) {
      return "a field is missing";
    }
    return failure instanceof MismatchedInputException
        ? "it has a value of a wrong type"
        : Shortened.of(failure.getOriginalMessage());
  }

  /** Where in the document, as {@code train.shards[2].rows}. */
  private static String place(JsonMappingException failure) {
    StringBuilder path = new StringBuilder();
    for (JsonMappingException.Reference step : failure.getPath()) {
      if (step.getFieldName() == null) {
        path.append('[').append(step.getIndex()).append(']');
      } else {
        path.append(path.isEmpty() ? "" : ".").append(step.getFieldName());
      }
    }
    return path.isEmpty() ? line(failure.getLocation()) : " at " + Shortened.of(path.toString());
  }

  private static String line(JsonLocation location) {
    return location == null || location.getLineNr() < 0
        ? ""
        : " (line %d, column %d)".formatted(location.getLineNr(), location.getColumnNr());
  }
}
