package io.sparkhawk.driver.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.progress.JsonFormat;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;

/**
 * The versions of a model in a folder of a storage: one small file for each, which is created once,
 * by one atomic step, and never changed. Whoever creates the file of the next number has made the
 * next version; of several at once one wins.
 */
public final class ModelRegistry {

  private static final String PREFIX = "version-";
  private static final String SUFFIX = ".json";

  private final Storage storage;
  private final Path folder;

  /** What was read before; the files never change. */
  private final Map<Path, ModelVersion> known = new ConcurrentHashMap<>();

  private ModelRegistry(Storage storage, Path folder) {
    this.storage = storage;
    this.folder = folder;
  }

  /** The registry in this folder, which needs not exist yet. */
  public static ModelRegistry open(Configuration hadoop, Path folder) {
    return new ModelRegistry(Storage.of(hadoop, folder), folder);
  }

  /**
   * All versions, the oldest first.
   *
   * @throws DataException if the file of one is damaged
   * @throws InfrastructureException if the storage fails
   */
  public List<ModelVersion> versions() {
    List<ModelVersion> versions = new ArrayList<>();
    for (Path file : files()) {
      versions.add(known.computeIfAbsent(file, this::read));
    }
    return versions;
  }

  private List<Path> files() {
    try {
      return Arrays.stream(storage.fileSystem().listStatus(folder))
          .map(FileStatus::getPath)
          .filter(path -> path.getName().startsWith(PREFIX) && path.getName().endsWith(SUFFIX))
          .sorted()
          .toList();
    } catch (FileNotFoundException e) {
      return List.of();
    } catch (IOException e) {
      throw Storage.readFailure(folder, e);
    }
  }

  private ModelVersion read(Path file) {
    String json = new String(storage.read(file, "The version"), StandardCharsets.UTF_8);
    try {
      return JsonFormat.read(json, ModelVersion.class);
    } catch (JsonProcessingException e) {
      throw new DataException(
          file + " is not a version of a model: " + e.getOriginalMessage() + ".", e);
    }
  }

  /** The version that is in production, if there is any. */
  public Optional<ModelVersion> production() {
    List<ModelVersion> versions = versions();
    return versions.isEmpty() ? Optional.empty() : Optional.of(versions.get(versions.size() - 1));
  }

  /** The version that a round was promoted as, if it was. */
  public Optional<ModelVersion> promotionOf(long round) {
    return versions().stream()
        .filter(version -> version.kind() == ModelVersion.Kind.PROMOTION)
        .filter(version -> version.lineage().round() == round)
        .findFirst();
  }

  /**
   * A version by its number.
   *
   * @throws ConfigurationException if there is none
   */
  public ModelVersion require(long number) {
    return versions().stream()
        .filter(version -> version.version() == number)
        .findFirst()
        .orElseThrow(
            () ->
                new ConfigurationException(
                    "There is no version "
                        + number
                        + " in "
                        + folder
                        + ". 'sparkhawk registry list' shows those that there are."));
  }

  /**
   * Makes the next version, in one atomic step.
   *
   * @return false if another version of this number was made before; nothing is changed then
   */
  public boolean add(ModelVersion version) {
    String name = String.format(Locale.ROOT, "%s%010d%s", PREFIX, version.version(), SUFFIX);
    byte[] content = JsonFormat.pretty(version).getBytes(StandardCharsets.UTF_8);
    return storage.createIfAbsent(new Path(folder, name), content);
  }

  /**
   * Brings an earlier model back into production, as a new version.
   *
   * @param to the version whose model is wanted; empty takes the model that was in production
   *     before the one that is now
   * @param at when, in ISO 8601
   * @throws ConfigurationException if there is no such version, or its model is in production
   * @throws InfrastructureException if another version was made at the same time
   */
  public ModelVersion rollBack(OptionalLong to, String at) {
    List<ModelVersion> versions = versions();
    if (versions.isEmpty()) {
      throw new ConfigurationException("There is no version in " + folder + " yet.");
    }
    ModelVersion now = versions.get(versions.size() - 1);
    ModelVersion wanted = to.isPresent() ? require(to.getAsLong()) : before(versions, now);
    if (wanted.of() == now.of()) {
      throw new ConfigurationException(
          "Version %d has the model of version %d, which is in production already."
              .formatted(wanted.version(), now.of()));
    }
    ModelVersion next = wanted.broughtBack(now.version() + 1, at);
    if (!add(next)) {
      throw new InfrastructureException(
          "Version %d was made by another process at the same time. Look at 'sparkhawk registry list' and run the command again."
              .formatted(next.version()));
    }
    return next;
  }

  /** After a rollback to a version, the one before is the one before that version. */
  private ModelVersion before(List<ModelVersion> versions, ModelVersion now) {
    return versions.stream()
        .filter(version -> version.kind() == ModelVersion.Kind.PROMOTION)
        .filter(version -> version.version() < now.of())
        .reduce((earlier, later) -> later)
        .orElseThrow(
            () ->
                new ConfigurationException(
                    "There is no version before "
                        + now.of()
                        + " in "
                        + folder
                        + " to go back to."));
  }
}
