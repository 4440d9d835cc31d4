package io.sparkhawk.data.storage;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.sparkhawk.data.error.DataException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Records to JSON and back; the same record always gives the same bytes. */
public final class JsonFormat {

  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

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

  private static DataException malformed(Object file, IOException cause) {
    String reason =
        cause instanceof JsonProcessingException json
            ? json.getOriginalMessage()
            : cause.getMessage();
    return new DataException(file + " is not the JSON that is expected there: " + reason, cause);
  }
}
