package io.sparkhawk.driver.config;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.Shortened;
import io.sparkhawk.driver.config.SettingTree.Items;
import io.sparkhawk.driver.config.SettingTree.Section;
import io.sparkhawk.driver.config.SettingTree.Text;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a record of settings from YAML, with single settings replaced from the command line.
 *
 * <p>Every problem is found before anything is reported: unknown and repeated keys, missing
 * settings, values that are not allowed, and what the caller's own check adds. They come together
 * in one {@link ConfigurationException} that says for each the key, the place, the value and what
 * is allowed.
 */
public final class ConfigReader {

  private static final Pattern DATA_URL =
      Pattern.compile("data:application/yaml;name=([^;,]*);base64,(.*)", Pattern.DOTALL);

  private final Problems problems;
  private SettingTree tree;

  private ConfigReader(Problems problems, SettingTree tree) {
    this.problems = problems;
    this.tree = tree;
  }

  /**
   * Starts with the YAML at a place.
   *
   * @param place path of a file, or the file itself as a URL by {@link #dataUrl}
   * @throws ConfigurationException if it cannot be read
   */
  public static ConfigReader at(String place) {
    Matcher inlined = DATA_URL.matcher(place);
    if (!inlined.matches()) {
      return ofFile(Path.of(place));
    }
    try {
      return ofYaml(
          URLDecoder.decode(inlined.group(1), StandardCharsets.UTF_8),
          new String(Base64.getDecoder().decode(inlined.group(2)), StandardCharsets.UTF_8));
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(
          "The configuration in the URL " + Shortened.of(place) + " is not in base64.", e);
    }
  }

  /**
   * A file as a URL that holds its content (RFC 2397), for a process that cannot read the file.
   *
   * @throws ConfigurationException if the file cannot be read
   */
  public static String dataUrl(Path file) {
    try {
      byte[] content = text(file).getBytes(StandardCharsets.UTF_8);
      return "data:application/yaml;name="
          + URLEncoder.encode(file.toString(), StandardCharsets.UTF_8)
          + ";base64,"
          + Base64.getEncoder().encodeToString(content);
    } catch (IOException e) {
      throw new ConfigurationException(
          "The configuration file " + file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Starts with the YAML of a file.
   *
   * @throws ConfigurationException if the file cannot be read
   */
  public static ConfigReader ofFile(Path file) {
    try {
      return ofYaml(file.toString(), text(file));
    } catch (NoSuchFileException e) {
      throw new ConfigurationException("The configuration file " + file + " does not exist.", e);
    } catch (CharacterCodingException e) {
      throw new ConfigurationException(
          "The configuration file " + file + " is not text in UTF-8.", e);
    } catch (IOException e) {
      throw new ConfigurationException(
          "The configuration file " + file + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static String text(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] content = in.readNBytes(YamlSource.MAX_CHARACTERS + 1);
      if (content.length > YamlSource.MAX_CHARACTERS) {
        throw new ConfigurationException(
            "The configuration file %s is larger than %d bytes; it is not one of ours."
                .formatted(file, YamlSource.MAX_CHARACTERS));
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
    }
  }

  /**
   * Starts with a text.
   *
   * @param source what the text is called in messages
   */
  public static ConfigReader ofYaml(String source, String yaml) {
    Problems problems = Problems.in(source);
    return new ConfigReader(problems, YamlSource.parseFile(yaml, problems));
  }

  /** Starts with nothing but the defaults; all else comes through {@link #put}. */
  public static ConfigReader ofDefaults(String source) {
    return new ConfigReader(Problems.in(source), Section.empty(source));
  }

  /**
   * Replaces or adds one setting.
   *
   * @param assignment path and value, for example {@code stages[0].learning-rate=1e-3}; a value in
   *     brackets or braces is read as YAML
   */
  public ConfigReader set(String assignment) {
    int equals = assignment.indexOf('=');
    if (equals < 1) {
      problems.add("--set " + assignment + ": allowed is KEY=VALUE.");
      return this;
    }
    return put(
        assignment.substring(0, equals), assignment.substring(equals + 1), "--set " + assignment);
  }

  /**
   * Replaces or adds one setting.
   *
   * @param path the setting, for example {@code stages[0].learning-rate}
   * @param value its text; in brackets or braces it is read as YAML
   * @param place where the value comes from, for messages
   */
  public ConfigReader put(String path, String value, String place) {
    boolean yaml = value.startsWith("[") || value.startsWith("{");
    return replace(
        path,
        yaml ? YamlSource.parseValue(value, place, problems) : new Text(value, false, place),
        place);
  }

  /** Replaces or adds a list setting, each element a text. */
  public ConfigReader put(String path, List<String> values, String place) {
    List<SettingTree> items =
        values.stream().map(value -> (SettingTree) new Text(value, false, place)).toList();
    return replace(path, new Items(items, place), place);
  }

  /**
   * Gives a setting that the user may not give.
   *
   * @param path the setting, keys with dots between them
   * @param value its text; in brackets or braces it is read as YAML
   * @param why what a user who gives it is told
   */
  ConfigReader fix(String path, String value, String why) {
    SettingPath.find(tree, path)
        .ifPresent(
            given -> problems.add(path + " (" + given.place() + "): not allowed; it " + why + "."));
    return put(path, value, "the program");
  }

  private ConfigReader replace(String path, SettingTree value, String place) {
    try {
      tree = SettingPath.replace(tree, path, value);
    } catch (IllegalArgumentException e) {
      problems.add(place + ": " + e.getMessage() + ".");
    }
    return this;
  }

  /** Reads the record; see {@link #read(Class, BiConsumer)}. */
  public <T extends Record> T read(Class<T> type) {
    return read(type, (settings, found) -> {});
  }

  /**
   * Reads the record.
   *
   * @param type a record all of whose components carry {@link io.sparkhawk.data.setting.Setting}
   * @param check adds problems that lie between several settings; called if each of them is right
   *     by itself
   * @throws ConfigurationException with everything that is wrong
   */
  public <T extends Record> T read(Class<T> type, BiConsumer<T, Problems> check) {
    Optional<T> settings = new SettingBinder(problems).record(type, tree, "");
    settings.ifPresent(read -> check.accept(read, problems));
    problems.throwIfAny();
    return settings.orElseThrow();
  }
}
