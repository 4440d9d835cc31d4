package io.sparkhawk.executor.evaluate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.sparkhawk.data.error.DataException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * Makes an example of one line. Keys that are not named here are ignored; contexts and
 * continuations are those of the lm-evaluation-harness, whose answers follow a space.
 */
final class ExampleParser {

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private static final List<String> CONTEXT_KEYS = List.of("context", "question", "query");
  private static final List<String> LABEL_KEYS = List.of("label", "gold", "answer");
  private static final String BLANK = "_";
  private static final String DELIMITER = " ";

  private final JsonNode json;
  private final String place;

  private ExampleParser(JsonNode json, String place) {
    this.json = json;
    this.place = place;
  }

  /**
   * Parses the JSON object between two positions.
   *
   * @throws DataException if there is none
   */
  static ExampleParser of(byte[] content, int start, int end, String place) {
    try {
      JsonNode json = JSON.readTree(content, start, end - start);
      if (!json.isObject()) {
        throw new DataException(place + " is not a JSON object. Write one object a line.");
      }
      return new ExampleParser(json, place);
    } catch (JsonProcessingException e) {
      throw new DataException(
          place + " is not a JSON object: " + e.getOriginalMessage() + ". Correct the line.", e);
    } catch (IOException e) {
      throw new DataException(place + " cannot be read: " + e.getMessage() + ".", e);
    }
  }

  /**
   * The kind that the keys tell.
   *
   * @throws DataException if they tell none
   */
  TaskKind kind() {
    if (json.has("choices")) {
      return TaskKind.MULTIPLE_CHOICE;
    }
    if (json.has("sentence") && json.has("option1")) {
      return TaskKind.PARTIAL;
    }
    if (json.has("text")) {
      return TaskKind.LAST_WORD;
    }
    throw bad(
        "is no example: it needs \"choices\" with a context and a label, or \"sentence\" with"
            + " \"option1\", \"option2\" and \"answer\", or \"text\"");
  }

  /**
   * The example, which must be of this kind.
   *
   * @throws DataException if it is of another one, or malformed
   */
  Example example(TaskKind expected) {
    TaskKind found = kind();
    if (found != expected) {
      throw bad(
          "is an example of the kind "
              + words(found)
              + ", but the lines before it are "
              + words(expected)
              + "; give each kind a file of its own");
    }
    return switch (found) {
      case MULTIPLE_CHOICE -> multipleChoice();
      case PARTIAL -> partial();
      case LAST_WORD -> lastWord();
    };
  }

  private static String words(TaskKind kind) {
    return switch (kind) {
      case MULTIPLE_CHOICE -> "multiple choice";
      case PARTIAL -> "sentence with a blank";
      case LAST_WORD -> "last word";
    };
  }

  private Example multipleChoice() {
    List<String> present = CONTEXT_KEYS.stream().filter(json::has).toList();
    if (present.size() != 1) {
      throw bad(
          "must have exactly one of the keys "
              + CONTEXT_KEYS
              + (present.isEmpty() ? "" : ", but has " + present));
    }
    String context = text(present.get(0));
    List<String> choices = choices();
    List<Request> requests =
        choices.stream().map(choice -> new Request(context, DELIMITER + choice)).toList();
    return new Example(place, requests, label(choices.size()), choices);
  }

  private List<String> choices() {
    List<String> choices = new ArrayList<>();
    for (JsonNode choice : json.path("choices")) {
      if (!choice.isTextual() || choice.textValue().isEmpty()) {
        throw bad("has " + choice + " among its \"choices\"; allowed are texts that are not empty");
      }
      choices.add(choice.textValue());
    }
    if (!json.path("choices").isArray() || choices.size() < 2) {
      throw bad("must have a list of at least two texts as \"choices\"");
    }
    return choices;
  }

  private int label(int choices) {
    List<String> present = LABEL_KEYS.stream().filter(json::has).toList();
    if (present.isEmpty()) {
      throw bad("must have one of the keys " + LABEL_KEYS);
    }
    List<Integer> labels = present.stream().map(key -> label(key, choices)).distinct().toList();
    if (labels.size() > 1) {
      throw bad("names different answers with " + present);
    }
    return labels.get(0);
  }

  /** The number of the answer, from 0, or its letter, from A. */
  private int label(String key, int choices) {
    OptionalInt label = index(json.get(key));
    if (label.isEmpty() || label.getAsInt() < 0 || label.getAsInt() >= choices) {
      throw bad(
          "has the \""
              + key
              + "\" "
              + json.get(key)
              + "; allowed is a number from 0 to "
              + (choices - 1)
              + " or a letter from A to "
              + (char) ('A' + choices - 1));
    }
    return label.getAsInt();
  }

  private static OptionalInt index(JsonNode value) {
    if (value.isIntegralNumber() && value.canConvertToInt()) {
      return OptionalInt.of(value.intValue());
    }
    String text = value.isTextual() ? value.textValue() : "";
    if (text.matches("[0-9]{1,4}")) {
      return OptionalInt.of(Integer.parseInt(text));
    }
    return text.matches("[A-Z]") ? OptionalInt.of(text.charAt(0) - 'A') : OptionalInt.empty();
  }

  private Example partial() {
    String sentence = text("sentence");
    int blank = sentence.indexOf(BLANK);
    if (blank < 0 || sentence.indexOf(BLANK, blank + 1) >= 0) {
      throw bad("must have exactly one _ in its \"sentence\"");
    }
    String rest = Whitespace.strip(sentence.substring(blank + 1));
    if (rest.isEmpty()) {
      throw bad("has nothing after the _ of its \"sentence\" that could be scored");
    }
    String prefix = sentence.substring(0, blank);
    List<String> options = List.of(prefix + text("option1"), prefix + text("option2"));
    List<Request> requests =
        options.stream().map(option -> new Request(option, DELIMITER + rest)).toList();
    return new Example(place, requests, partialAnswer(), options);
  }

  private int partialAnswer() {
    String answer = json.path("answer").asText();
    if (!answer.equals("1") && !answer.equals("2")) {
      throw bad("has the \"answer\" " + json.path("answer") + "; allowed is 1 or 2");
    }
    return answer.charAt(0) - '1';
  }

  private Example lastWord() {
    String text = text("text");
    int space = text.lastIndexOf(DELIMITER);
    String word = text.substring(space + 1);
    if (!word.equals(Whitespace.strip(word)) || word.isEmpty()) {
      throw bad("has a \"text\" that does not end with a word");
    }
    Request request = new Request(text.substring(0, Math.max(0, space)), DELIMITER + word);
    return new Example(place, List.of(request), 0, List.of(word));
  }

  private String text(String key) {
    JsonNode value = json.path(key);
    if (!value.isTextual()) {
      throw bad(
          "must have a text as \"" + key + "\"" + (value.isMissingNode() ? "" : ", not " + value));
    }
    return value.textValue();
  }

  private DataException bad(String problem) {
    return new DataException(place + " " + problem + ".");
  }
}
