package io.sparkhawk.executor.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.Shortened;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The JSON header of a safetensors file.
 *
 * <pre>
 * file   = length header data
 * length = 8 bytes, little endian: size of the header in bytes, at most 100,000,000
 * header = JSON object in UTF-8 that starts with '{', filled up with spaces to a multiple of 8
 *          {"__metadata__": {name: string, ...},
 *           tensor: {"dtype": type, "shape": [size, ...], "data_offsets": [begin, end]}, ...}
 * data   = the tensors' bytes; offsets count from its start, without overlap or gap
 * </pre>
 *
 * @param metadata free-form strings
 * @param entries tensors by name, in the order of their data
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, Entry> entries) {

  /** The limit of the reference implementation: guards against absurd allocations. */
  static final int MAX_BYTES = 100_000_000;

  private static final String METADATA = "__metadata__";
  private static final JsonFactory JSON = new JsonFactory();

  /** A tensor and the place of its data, counted from the start of the data. */
  record Entry(TensorInfo info, long begin, long end) {}

  SafetensorsHeader {
    metadata = Collections.unmodifiableMap(new TreeMap<>(metadata)); // equal headers, equal bytes
    entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
  }

  /** The header of a file that holds {@code tensors} one after the other. */
  static SafetensorsHeader laidOut(Map<String, String> metadata, Collection<TensorInfo> tensors) {
    Map<String, Entry> entries = new LinkedHashMap<>();
    long begin = 0;
    for (TensorInfo info : tensors) {
      long end = Math.addExact(begin, info.byteSize());
      if (info.name().equals(METADATA)) {
        throw new IllegalArgumentException("a tensor cannot be named " + METADATA);
      }
      if (entries.put(info.name(), new Entry(info, begin, end)) != null) {
        throw new IllegalArgumentException("two tensors are named " + info.name());
      }
      begin = end;
    }
    return new SafetensorsHeader(metadata, entries);
  }

  /** Size of all tensors' data. */
  long dataBytes() {
    return entries.values().stream().mapToLong(Entry::end).max().orElse(0);
  }

  /** The header's JSON, filled up with spaces so that the data starts at a multiple of 8. */
  byte[] toBytes() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(METADATA);
        for (Map.Entry<String, String> item : metadata.entrySet()) {
          json.writeStringField(item.getKey(), item.getValue());
        }
        json.writeEndObject();
      }
      for (Entry entry : entries.values()) {
        json.writeObjectFieldStart(entry.info().name());
        json.writeStringField("dtype", entry.info().type().name());
        json.writeFieldName("shape");
        long[] shape = Shapes.arrayOf(entry.info().shape());
        json.writeArray(shape, 0, shape.length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {entry.begin(), entry.end()}, 0, 2);
        json.writeEndObject();
      }
      json.writeEndObject();
    }
    while (bytes.size() % 8 != 0) {
      bytes.write(' ');
    }
    return bytes.toByteArray();
  }

  /**
   * Reads a header and checks all that it says.
   *
   * @param file name of the file, for messages
   * @param bytes the header, without its length
   * @param dataBytes number of bytes that follow the header
   * @throws DataException if the header is not valid or does not fit the data
   */
  static SafetensorsHeader parse(String file, byte[] bytes, long dataBytes) {
    if (bytes.length == 0 || bytes[0] != '{') {
      throw new DataException(
          ("Safetensors file %s has a header that does not start with '{'; it is not a"
                  + " safetensors file.")
              .formatted(file));
    }
    // A reader whose decoder reports malformed UTF-8, where Jackson's own guesses the encoding.
    var reader =
        new InputStreamReader(new ByteArrayInputStream(bytes), StandardCharsets.UTF_8.newDecoder());
    try (JsonParser json = JSON.createParser(reader)) {
      return new Parser(file, json, dataBytes).header();
    } catch (IOException e) {
      String reason =
          e instanceof JsonParseException parse ? parse.getOriginalMessage() : e.getMessage();
      throw new DataException(
          "Safetensors file %s has a header that is not valid JSON: %s"
              .formatted(file, Shortened.of(reason)),
          e);
    }
  }

  /** One pass over the JSON of one header. */
  private record Parser(String file, JsonParser json, long dataBytes) {

    SafetensorsHeader header() throws IOException {
      Map<String, String> metadata = null;
      Map<String, Entry> entries = new LinkedHashMap<>();
      json.nextToken();
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals(METADATA)) {
          if (metadata != null) {
            throw problem("has %s twice".formatted(METADATA));
          }
          metadata = metadata();
        } else if (entries.put(name, entry(name)) != null) {
          throw problem("names tensor %s twice".formatted(name));
        }
      }
      if (json.nextToken() != null) {
        throw problem("has text after the end of its header's JSON");
      }
      return new SafetensorsHeader(metadata == null ? Map.of() : metadata, inDataOrder(entries));
    }

    private Map<String, String> metadata() throws IOException {
      if (!json.isExpectedStartObjectToken()) {
        throw problem("has a %s that is not an object".formatted(METADATA));
      }
      Map<String, String> metadata = new LinkedHashMap<>();
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String name = json.currentName();
        if (json.nextToken() != JsonToken.VALUE_STRING) {
          throw problem("has a %s item %s that is not a string".formatted(METADATA, name));
        }
        if (metadata.put(name, json.getText()) != null) {
          throw problem("has %s item %s twice".formatted(METADATA, name));
        }
      }
      return metadata;
    }

    private Entry entry(String name) throws IOException {
      if (!json.isExpectedStartObjectToken()) {
        throw problem(name, "is described by something that is not a JSON object");
      }
      String type = null;
      List<Long> shape = null;
      List<Long> offsets = null;
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String field = json.currentName();
        json.nextToken();
        if (field.equals("dtype") && type == null && json.hasToken(JsonToken.VALUE_STRING)) {
          type = json.getText();
        } else if (field.equals("shape") && shape == null) {
          shape = numbers(name, field);
        } else if (field.equals("data_offsets") && offsets == null) {
          offsets = numbers(name, field);
        } else {
          throw problem(name, "has an unknown, repeated or malformed field %s".formatted(field));
        }
      }
      if (type == null || shape == null || offsets == null) {
        throw problem(name, "lacks one of dtype, shape and data_offsets");
      }
      return entry(name, type, shape, offsets);
    }

    private List<Long> numbers(String name, String field) throws IOException {
      if (!json.isExpectedStartArrayToken()) {
        throw problem(name, "has a %s that is not a list".formatted(field));
      }
      List<Long> numbers = new ArrayList<>();
      while (json.nextToken() != JsonToken.END_ARRAY) {
        boolean whole =
            json.hasToken(JsonToken.VALUE_NUMBER_INT)
                && json.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
        if (!whole || json.getLongValue() < 0) {
          throw problem(
              name,
              "has %s in its %s, which must hold whole numbers from 0 to 2^63 - 1"
                  .formatted(json.getText(), field));
        }
        numbers.add(json.getLongValue());
      }
      return numbers;
    }

    private Entry entry(String name, String typeName, List<Long> shape, List<Long> offsets) {
      StoredType type =
          StoredType.named(typeName)
              .orElseThrow(
                  () ->
                      problem(
                          name,
                          "has element type %s; known types are %s"
                              .formatted(typeName, List.of(StoredType.values()))));
      if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
        throw problem(
            name, "has data_offsets %s, which are not a begin and an end".formatted(offsets));
      }
      TensorInfo info;
      try {
        info = new TensorInfo(name, type, shape);
      } catch (IllegalArgumentException e) {
        throw problem(name, "cannot be: " + e.getMessage());
      }
      long begin = offsets.get(0);
      long end = offsets.get(1);
      if (end > dataBytes) {
        throw problem(
            name,
            ("lies at bytes %d to %d, but the file has only %d bytes of data; it is"
                    + " truncated or corrupt")
                .formatted(begin, end, dataBytes));
      }
      if (end - begin != info.byteSize()) {
        throw problem(
            name,
            "has type %s and shape %s, which need %d bytes, but its data_offsets %s span %d"
                .formatted(type, shape, info.byteSize(), offsets, end - begin));
      }
      return new Entry(info, begin, end);
    }

    private Map<String, Entry> inDataOrder(Map<String, Entry> entries) {
      List<Entry> sorted = new ArrayList<>(entries.values());
      sorted.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
      Map<String, Entry> ordered = new LinkedHashMap<>();
      long end = 0;
      for (Entry entry : sorted) {
        if (entry.begin() != end) {
          throw problem(
              entry.info().name(),
              "starts at byte %d of the data, but the tensor before it ends at %d: they %s"
                  .formatted(entry.begin(), end, entry.begin() < end ? "overlap" : "leave a gap"));
        }
        end = entry.end();
        ordered.put(entry.info().name(), entry);
      }
      if (end != dataBytes) {
        throw problem(
            "has %d bytes of data, but its header describes %d".formatted(dataBytes, end));
      }
      return ordered;
    }

    private DataException problem(String what) {
      return new DataException("Safetensors file %s %s.".formatted(file, Shortened.of(what)));
    }

    private DataException problem(String tensor, String what) {
      return new DataException(
          "Tensor %s in safetensors file %s %s."
              .formatted(Shortened.of(tensor), file, Shortened.of(what)));
    }
  }
}
