package io.sparkhawk.executor.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TaskTest {

  private static Task read(String name) {
    return Task.read(new Configuration(), "src/test/resources/tasks/" + name);
  }

  private static Task parse(String... lines) {
    return Task.parse(String.join("\n", lines).getBytes(StandardCharsets.UTF_8), "some.jsonl");
  }

  @Test
  void everyChoiceFollowsTheContextAfterASpace() {
    Task task = read("choices.jsonl");

    assertThat(task.name()).isEqualTo("choices");
    assertThat(task.kind()).isEqualTo(TaskKind.MULTIPLE_CHOICE);
    assertThat(task.examples()).extracting(Example::gold).containsExactly(0, 1, 1, 1, 0);
    assertThat(task.examples().get(2).requests())
        .containsExactly(
            new Request("Mia put on her coat and", " swallowed the moon."),
            new Request("Mia put on her coat and", " went out into the snow."));
  }

  @Test
  void whatFollowsTheBlankIsScoredAfterEachOption() {
    Task task = read("blanks.jsonl");

    assertThat(task.kind()).isEqualTo(TaskKind.PARTIAL);
    assertThat(task.examples()).extracting(Example::gold).containsExactly(1, 1, 0, 1, 1);
    assertThat(task.examples().get(0).requests())
        .containsExactly(
            new Request("The box did not fit on the shelf because the box", " was too narrow."),
            new Request("The box did not fit on the shelf because the shelf", " was too narrow."));
  }

  @Test
  void theLastWordIsScoredWithItsSpace() {
    Task task = read("last-words.jsonl");

    assertThat(task.kind()).isEqualTo(TaskKind.LAST_WORD);
    assertThat(task.examples()).hasSize(5);
    assertThat(task.examples().get(4).requests())
        .containsExactly(
            new Request(
                "The function returns a list of names; if there are no names, it returns an empty",
                " list"));
  }

  @Test
  void blankLinesCountAsLinesButNotAsExamples() {
    assertThat(parse("", "{\"text\": \"a b\"}\r", "  ").examples())
        .extracting(Example::place)
        .isEqualTo(List.of("Line 2 of some.jsonl"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"text\": \"no end\" | is not a JSON object",
        "[1] | is not a JSON object",
        "{\"text\": \"a b\"} {} | is not a JSON object",
        "{\"words\": \"a b\"} | is no example",
        "{\"text\": \"ends with a space \"} | does not end with a word",
        "{\"text\": 7} | must have a text as \"text\", not 7",
        "{\"choices\": [\"a\", \"b\"], \"label\": 0} | exactly one of the keys",
        "{\"context\": \"c\", \"query\": \"q\", \"choices\": [\"a\", \"b\"], \"label\": 0} | has [context, query]",
        "{\"context\": \"c\", \"choices\": [\"a\", \"\"], \"label\": 0} | among its \"choices\"",
        "{\"context\": \"c\", \"choices\": [\"a\"], \"label\": 0} | at least two texts",
        "{\"context\": \"c\", \"choices\": [\"a\", \"b\"]} | one of the keys [label, gold, answer]",
        "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"label\": 2} | from 0 to 1 or a letter from A to B",
        "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"label\": \"b\"} | has the \"label\" \"b\"",
        "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"label\": 0, \"gold\": 1} | different answers",
        "{\"sentence\": \"no blank\", \"option1\": \"a\", \"option2\": \"b\", \"answer\": \"1\"} | exactly one _",
        "{\"sentence\": \"at the end _\", \"option1\": \"a\", \"option2\": \"b\", \"answer\": \"1\"} | nothing after",
        "{\"sentence\": \"a _ b\", \"option1\": \"a\", \"option2\": \"b\", \"answer\": \"\"} | allowed is 1 or 2",
      })
  void aMalformedLineIsRefusedWithFileAndLine(String line, String problem) {
    assertThatThrownBy(() -> parse("", line))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith("Line 2 of some.jsonl ")
        .hasMessageContaining(problem);
  }

  @Test
  void aLineOfAnotherKindThanTheFirstIsRefused() {
    assertThatThrownBy(
            () ->
                parse(
                    "{\"text\": \"a b\"}",
                    "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"label\": 0}"))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("Line 2 of some.jsonl is an example of the kind multiple choice");
  }

  @Test
  void aFileWithoutExamplesIsRefused() {
    assertThatThrownBy(() -> parse("", ""))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("some.jsonl has no examples");
  }
}
