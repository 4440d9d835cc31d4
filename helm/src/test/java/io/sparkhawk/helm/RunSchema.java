package io.sparkhawk.helm;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sparkhawk.data.setting.Setting;
import io.sparkhawk.driver.config.RetrainConfig;
import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.config.SettingDescription;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The JSON schema of a run, made from the records that {@code sparkhawk distill} reads its file
 * into: the chart refuses what the program would refuse, as far as one setting shows it.
 */
final class RunSchema {

  // How numbers may be written: driver.config.ValueType.
  private static final String WHOLE = "^[+-]?[0-9][0-9_]*(\\.[0-9]+)?([eE]\\+?[0-9]{1,2})?[KMB]?$";
  private static final String REAL =
      "^[+-]?([0-9][0-9_]*\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]{1,3})?$";
  private static final String DURATION = "^[0-9]{1,12}(ms|s|m|h|d)$";

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private RunSchema() {}

  /**
   * The schema. The run's own settings may all be missing, as a chart that retrains has none of
   * them; the template of the job asks for those without a default.
   */
  static ObjectNode schema() {
    ObjectNode schema = ofRecord(RunConfig.class);
    schema.remove("required");
    return schema;
  }

  /**
   * The schema of the file of {@code sparkhawk retrain}: without what the retraining gives itself,
   * and nothing must be there, as a chart that does not retrain has none of it.
   */
  static ObjectNode retrainSchema() {
    ObjectNode schema = ofRecord(RetrainConfig.class);
    schema.remove("required");
    RetrainConfig.givenByItself()
        .forEach(
            (section, keys) -> leaveOut((ObjectNode) schema.at("/properties/" + section), keys));
    return schema;
  }

  private static void leaveOut(ObjectNode section, List<String> keys) {
    section.remove("required");
    ((ObjectNode) section.get("properties")).remove(keys);
  }

  /** {@code values.schema.json} with these schemas in their places for the run and retraining. */
  static String inside(String valuesSchema) throws java.io.IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode whole = (ObjectNode) mapper.readTree(valuesSchema);
    ((ObjectNode) whole.get("properties")).set("run", schema());
    ((ObjectNode) whole.at("/properties/retrain/properties")).set("config", retrainSchema());
    return mapper.writerWithDefaultPrettyPrinter().writeValueAsString(whole) + "\n";
  }

  private static ObjectNode ofRecord(Class<?> type) {
    ObjectNode schema = JSON.objectNode().put("type", "object").put("additionalProperties", false);
    ObjectNode properties = schema.putObject("properties");
    ArrayNode required = JSON.arrayNode();
    List<SettingDescription> descriptions = SettingDescription.of(type.asSubclass(Record.class));
    RecordComponent[] components = type.getRecordComponents();
    for (int i = 0; i < components.length; i++) {
      SettingDescription description = descriptions.get(i);
      ObjectNode property =
          of(components[i].getGenericType(), components[i].getAnnotation(Setting.class));
      properties.set(description.name(), property.put("description", description.meaning()));
      if (description.required()) {
        required.add(description.name());
      }
    }
    if (!required.isEmpty()) {
      schema.set("required", required);
    }
    return schema;
  }

  private static ObjectNode of(Type type, Setting setting) {
    if (type instanceof ParameterizedType generic) {
      Type last = generic.getActualTypeArguments()[generic.getActualTypeArguments().length - 1];
      if (generic.getRawType() == Optional.class) {
        return of(last, setting);
      }
      if (generic.getRawType() == List.class) {
        return JSON.objectNode().put("type", "array").set("items", of(last, setting));
      }
      if (generic.getRawType() == Map.class) {
        return JSON.objectNode().put("$ref", "#/$defs/sparkSettings");
      }
      throw new IllegalStateException("no schema for " + type);
    }
    Class<?> plain = (Class<?>) type;
    return plain.isRecord() ? ofRecord(plain) : ofValue(plain, setting);
  }

  private static ObjectNode ofValue(Class<?> type, Setting setting) {
    if (type == String.class) {
      return JSON.objectNode().put("type", "string");
    }
    if (type == boolean.class || type == Boolean.class) {
      return JSON.objectNode().put("type", "boolean");
    }
    if (type == Duration.class) {
      return JSON.objectNode().put("type", "string").put("pattern", DURATION);
    }
    if (type.isEnum()) {
      ObjectNode choice = JSON.objectNode();
      ArrayNode constants = choice.putArray("enum");
      for (Object constant : type.getEnumConstants()) {
        constants.add(((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-'));
      }
      return choice;
    }
    boolean whole =
        type == int.class || type == long.class || type == Integer.class || type == Long.class;
    if (!whole && type != double.class && type != Double.class) {
      throw new IllegalStateException("no schema for " + type);
    }
    return number(whole ? "integer" : "number", whole ? WHOLE : REAL, setting);
  }

  /** A number, or a text that the program reads as one, such as 80M. */
  private static ObjectNode number(String type, String pattern, Setting setting) {
    ObjectNode number = JSON.objectNode();
    number.putArray("type").add(type).add("string");
    number.put("pattern", pattern);
    if (Double.isFinite(setting.min())) {
      number.put("minimum", setting.min());
    }
    if (Double.isFinite(setting.max())) {
      number.put("maximum", setting.max());
    }
    return number;
  }
}
