package io.sparkhawk.driver.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.setting.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigReaderTest {

  enum Colour {
    DARK_RED,
    BLUE
  }

  record Wheel(
      @Setting(value = "Size.", defaultValue = "26", min = 1, max = 29) int size,
      @Setting(value = "Spokes.", defaultValue = "32") long spokes) {
    Wheel {
      if (size == 13) {
        throw new IllegalArgumentException("a wheel of size 13 is bad luck");
      }
    }
  }

  record Bicycle(
      @Setting("Name.") String name,
      @Setting(value = "Colour.", defaultValue = "dark-red") Colour colour,
      @Setting(value = "Price.", defaultValue = "1e3", min = 0) double price,
      @Setting(value = "Bell.", defaultValue = "true") boolean bell,
      @Setting(value = "Range.", defaultValue = "90m", min = 1) Duration range,
      @Setting(value = "Gears.", defaultValue = "[3, 7]", min = 1) List<Integer> gears,
      @Setting(value = "Spare wheel.", defaultValue = "{}") Wheel spare,
      @Setting(value = "Wheels.", defaultValue = "[{size: 20}, {size: 26}]") List<Wheel> wheels,
      @Setting("Owner.") Optional<String> owner,
      @Setting(value = "Labels.", defaultValue = "{}") Map<String, String> labels) {}

  private static Bicycle read(String yaml, String... assignments) {
    ConfigReader reader = ConfigReader.ofYaml("bicycle.yaml", yaml);
    for (String assignment : assignments) {
      reader.set(assignment);
    }
    return reader.read(Bicycle.class);
  }

  private static void assertRefused(ThrowingCallable reading, String... parts) {
    assertThatExceptionOfType(ConfigurationException.class)
        .isThrownBy(reading)
        .satisfies(e -> assertThat(e.getMessage()).contains(parts));
  }

  @Test
  void settingsThatAreNotGivenHaveTheirDefaults() {
    assertThat(read("name: Bill"))
        .isEqualTo(
            new Bicycle(
                "Bill",
                Colour.DARK_RED,
                1000,
                true,
                Duration.ofMinutes(90),
                List.of(3, 7),
                new Wheel(26, 32),
                List.of(new Wheel(20, 32), new Wheel(26, 32)),
                Optional.empty(),
                Map.of()));
  }

  @Test
  void everyTypeIsReadAsItIsWritten() {
    Bicycle bicycle =
        read(
            """
            name: no
            colour: blue
            price: 1_299.50
            bell: false
            range: 45s
            gears:
              - 1
              - 21
            spare: {size: 28, spokes: 1.5K}
            wheels:
              - size: 20
            owner: "12"
            labels:
              made.in: Nijmegen
            """);
    assertThat(bicycle)
        .isEqualTo(
            new Bicycle(
                "no",
                Colour.BLUE,
                1299.5,
                false,
                Duration.ofSeconds(45),
                List.of(1, 21),
                new Wheel(28, 1500),
                List.of(new Wheel(20, 32)),
                Optional.of("12"),
                Map.of("made.in", "Nijmegen")));
  }

  @ParameterizedTest
  @CsvSource({
    "32, 32",
    "32_768, 32768",
    "63K, 63000",
    "2_760M, 2760000000",
    "3B, 3000000000",
    "1.5M, 1500000",
    "1e6, 1000000",
    "-5, -5"
  })
  void wholeNumbersTakeUnderscoresAndSuffixes(String text, long value) {
    assertThat(read("name: Bill\nspare: {spokes: " + text + "}").spare().spokes()).isEqualTo(value);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "63k",
        "1.5",
        "0x10",
        "_1",
        "1 000",
        "9999999999B",
        "NaN",
        "",
        "one",
        "[1]",
        "{a: 1}"
      })
  void whatIsNotAWholeNumberIsRefused(String text) {
    assertRefused(
        () -> read("name: Bill\nspare: {spokes: " + text + "}"),
        "spare.spokes (line 2)",
        "is not allowed; allowed is a whole number, also as 32K, 80M or 3B.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.5M", "NaN", "Infinity", "1e999", "0x1p3", "1f", "ten"})
  void whatIsNotANumberIsRefused(String text) {
    assertRefused(
        () -> read("name: Bill\nprice: " + text),
        "price (line 2): '" + text + "' is not allowed; allowed is a number, at least 0.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"yes", "True", "0"})
  void onlyTrueAndFalseAreTruthValues(String text) {
    assertRefused(() -> read("name: Bill\nbell: " + text), "bell (line 2)", "true or false");
  }

  @ParameterizedTest
  @ValueSource(strings = {"30", "5 m", "1w", "-1s", "500ms"})
  void timesNeedAUnitAndMustBeInRange(String text) {
    assertRefused(
        () -> read("name: Bill\nrange: " + text), "range (line 2)", "30s", "at least 1 s.");
  }

  @Test
  void everythingThatIsWrongIsReportedAtOnce() {
    assertRefused(
        () ->
            read(
                """
                colour: green
                price: -1
                gears: [3, 0, x]
                spare:
                  size: 40
                  spoks: 3
                weels: []
                price: 2
                """),
        "bicycle.yaml has 9 problems:",
        "price (line 8): given a second time; the first stands at line 2. Keep one of them.",
        "name: missing; it has no default. Name.",
        "colour (line 1): 'green' is not allowed; allowed is one of dark-red, blue.",
        "price (line 2): '-1' is not allowed; allowed is a number, at least 0.",
        "gears[1] (line 3): '0' is not allowed; allowed is a whole number, at least 1.",
        "gears[2] (line 3): 'x' is not allowed",
        "spare.size (line 5): '40' is not allowed; allowed is a whole number, from 1 to 29.",
        "spare.spoks (line 6): unknown key; did you mean 'spokes'?",
        "weels (line 7): unknown key; did you mean 'wheels'?");
  }

  @Test
  void anUnknownKeyThatResemblesNothingIsAnsweredWithTheKnownOnes() {
    assertRefused(
        () -> read("name: Bill\nspare: {saddlebag: 1}"),
        "spare.saddlebag (line 2): unknown key; known are size, spokes.");
  }

  @Test
  void aRecordsOwnRefusalNamesTheSection() {
    assertRefused(
        () -> read("name: Bill\nwheels: [{size: 13}]"),
        "wheels[0] (line 2): a wheel of size 13 is bad luck");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"spare: 3", "spare: [1]", "gears: 3", "gears: {a: 1}", "labels: x", "name: [a]"})
  void aSectionAListAndAValueAreNotTakenForEachOther(String line) {
    String key = line.substring(0, line.indexOf(':'));
    assertRefused(
        () -> read("name: Bill\n".repeat(key.equals("name") ? 0 : 1) + line), key + " (line");
  }

  @Test
  void aSectionWithoutKeysHasTheDefaultsAndAValueMustNotBeEmpty() {
    assertThat(read("name: Bill\nspare:\n").spare()).isEqualTo(new Wheel(26, 32));
    assertRefused(() -> read("name: Bill\nprice:\n"), "price (line 2): nothing is not allowed");
  }

  @Test
  void aFileThatIsNotYamlIsRefusedWithTheLine() {
    assertRefused(() -> read("name: Bill\nprice: [1"), "bicycle.yaml", "not YAML: line");
    assertRefused(() -> read("name: 'Bill"), "not YAML");
    assertRefused(() -> read("- name"), "the whole file (line 1): a list is not allowed");
    assertRefused(() -> read(""), "name: missing");
  }

  @Test
  void assignmentsReplaceAndAddSettings() {
    Bicycle bicycle =
        read(
            "name: Bill\nwheels: [{size: 20}]\n",
            "wheels[0].size=24",
            "spare.spokes=40",
            "gears=[1, 2]",
            "owner=a=b",
            "labels[made.in]=Utrecht",
            "price=5");
    assertThat(bicycle.wheels()).containsExactly(new Wheel(24, 32));
    assertThat(bicycle.spare()).isEqualTo(new Wheel(26, 40));
    assertThat(bicycle.gears()).containsExactly(1, 2);
    assertThat(bicycle.owner()).contains("a=b");
    assertThat(bicycle.labels()).containsExactly(Map.entry("made.in", "Utrecht"));
    assertThat(bicycle.price()).isEqualTo(5);
  }

  @ParameterizedTest
  @CsvSource({
    "price, allowed is KEY=VALUE",
    "=3, allowed is KEY=VALUE",
    "wheels[1].size=3, '1' is not an element of the list",
    "wheels[x].size=3, 'x' is not an element of the list",
    "name.first=3, 'first' cannot be set inside of 'Bill'",
    "spare..size=3, is not a path of keys",
    "spare.sice=3, did you mean 'size'?",
    "price=cheap, 'cheap' is not allowed"
  })
  void anAssignmentThatFitsNothingIsRefusedByItsText(String assignment, String reason) {
    assertRefused(
        () -> read("name: Bill\nwheels: [{size: 20}]", assignment), "--set " + assignment, reason);
  }

  @Test
  void theCallersCheckIsReportedTogether() {
    Consumer<String> reading =
        yaml ->
            ConfigReader.ofYaml("bicycle.yaml", yaml)
                .read(
                    Bicycle.class,
                    (bicycle, problems) -> {
                      problems.add("price", bicycle.price(), "too dear.");
                      problems.add("name", bicycle.name(), "too short.");
                    });
    assertRefused(
        () -> reading.accept("name: Bill\nname: Bob"),
        "has 3 problems",
        "name (line 2): given a second time",
        "price: 1000.0: too dear.",
        "name: Bill: too short.");
  }

  @Test
  void aFileTravelsAsAUrlAndKeepsItsNameAndItsText(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("a b.yaml"), "name: Bj\u00f6rn's\nspeed: 3");
    String url = ConfigReader.dataUrl(file);
    Files.delete(file);
    assertThat(url).startsWith("data:application/yaml;").doesNotContain(" ", "\n");
    assertRefused(
        () -> ConfigReader.at(url).read(Bicycle.class), file.toString(), "speed (line 2)");
    assertRefused(
        () -> ConfigReader.at("data:application/yaml;name=x;base64,*"), "is not in base64");
  }

  @Test
  void aFileThatCannotBeReadIsNamed(@TempDir Path folder) throws IOException {
    Path missing = folder.resolve("none.yaml");
    assertRefused(() -> ConfigReader.ofFile(missing), missing + " does not exist");
    assertRefused(() -> ConfigReader.ofFile(folder), folder + " cannot be read");
    Path binary =
        Files.write(folder.resolve("binary.yaml"), new byte[] {(byte) 0xff, (byte) 0xfe, 1});
    assertRefused(() -> ConfigReader.ofFile(binary), binary + " is not text in UTF-8");
  }
}
