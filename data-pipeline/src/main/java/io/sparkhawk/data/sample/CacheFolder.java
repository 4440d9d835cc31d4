package io.sparkhawk.data.sample;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.shard.ShardEntry;
import io.sparkhawk.data.storage.Storage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder of the local disk with copies of remote shards, named by their checksums, so that
 * processes and data sets may share it: of several that want a shard at once, one fetches it. The
 * folder is kept below a size, those copies counted in full that are still being written. Room is
 * made before a copy is begun: the copies that were used least recently, by any process, go first.
 * A file's time of change says when it was last used.
 *
 * <p>A copy may be deleted while a process has it mapped; the system then keeps its bytes until the
 * process lets go of it.
 */
final class CacheFolder {

  private static final String SUFFIX = ".arrow";

  /** Copies that are being written end in their size and this. */
  private static final Pattern TEMPORARY =
      Pattern.compile(".*[.]arrow[.].*?(?:-([0-9]{1,18}))?[.]tmp");

  private static final String ROOM_LOCK = "room.lock";

  /** Nobody writes to an unfinished copy that has not grown for so long. */
  private static final Duration LEFT_OVER = Duration.ofHours(1);

  /** How long to wait for another process that does not get on with a copy. */
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  /** How often to look whether copies that others are making are finished, and leave room. */
  private static final int LOOKS_FOR_ROOM = 100;

  private static final long LOOK_MILLIS = 100;

  private final Path folder;
  private final long maxBytes;
  private final Predicate<String> needed;

  /**
   * A cache in a folder.
   *
   * @param maxBytes what the files in it may take; a single shard may take more
   * @param needed which shards, by their checksum, must not make room for others
   */
  CacheFolder(Path folder, long maxBytes, Predicate<String> needed) {
    this.folder = folder;
    this.maxBytes = maxBytes;
    this.needed = needed;
  }

  /**
   * The copy of a shard, made if there is none.
   *
   * @param fetch writes the shard's bytes to the file that it is given
   * @throws InfrastructureException if the folder cannot be written
   */
  Path get(ShardEntry entry, Consumer<Path> fetch) {
    Path copy = copy(entry);
    try {
      if (!touch(copy)) {
        createFolder();
        make(entry, copy, fetch);
      }
      return copy;
    } catch (IOException | UncheckedIOException e) {
      throw new InfrastructureException(
          "The local cache " + folder + " cannot be used: " + e + ".", e);
    }
  }

  private void createFolder() {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw Storage.writeFailure(folder, e);
    }
  }

  private Path copy(ShardEntry entry) {
    return folder.resolve(entry.sha256() + SUFFIX);
  }

  private static boolean touch(Path copy) throws IOException {
    try {
      Files.setLastModifiedTime(copy, FileTime.from(Instant.now()));
      return true;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private void make(ShardEntry entry, Path copy, Consumer<Path> fetch) throws IOException {
    Path lock = folder.resolve(entry.sha256() + ".lock");
    try (FileMutex mutex = FileMutex.acquire(lock, PATIENCE, () -> written(entry))) {
      if (touch(copy)) {
        return; // by whoever held the lock
      }
      if (mutex.held()) {
        deleteUnfinished(entry);
      }
      Path temporary = reserve(entry);
      try {
        fetch.accept(temporary);
        Files.move(temporary, copy, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(temporary);
      }
    }
  }

  /** How much of a shard's unfinished copies there is. */
  private long written(ShardEntry entry) {
    try {
      return contents().unfinished().stream()
          .filter(copy -> copy.isOf(entry.sha256()))
          .mapToLong(Copy::written)
          .sum();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Nobody writes to them any more, as their process would hold the lock. */
  private void deleteUnfinished(ShardEntry entry) throws IOException {
    for (Copy copy : contents().unfinished()) {
      if (copy.isOf(entry.sha256())) {
        Files.deleteIfExists(copy.file());
      }
    }
  }

  /** Makes room for a shard, and an empty file whose name says so. */
  private Path reserve(ShardEntry entry) throws IOException {
    Path temporary =
        folder.resolve(
            entry.sha256() + SUFFIX + "." + UUID.randomUUID() + "-" + entry.bytes() + ".tmp");
    for (int look = 1; ; look++) {
      try (FileMutex all = FileMutex.acquire(folder.resolve(ROOM_LOCK), PATIENCE, () -> 0)) {
        if (makeRoom(entry.bytes()) || look == LOOKS_FOR_ROOM) {
          create(temporary);
          return temporary;
        }
      }
      pause();
    }
  }

  private static void create(Path temporary) {
    try {
      Files.createFile(temporary);
    } catch (IOException e) {
      throw Storage.writeFailure(temporary, e);
    }
  }

  private void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InfrastructureException("Interrupted while waiting for room in " + folder + ".", e);
    }
  }

  /**
   * Deletes the copies that were used least recently, but none that is needed.
   *
   * @return false if there may be room when copies that are being made are finished
   */
  private boolean makeRoom(long wanted) throws IOException {
    Contents contents = contents();
    long bytes = wanted + contents.bytes();
    for (Copy old : contents.finished()) {
      if (bytes <= maxBytes) {
        return true;
      }
      if (!needed.test(old.sha256())) {
        Files.deleteIfExists(old.file());
        bytes -= old.bytes();
      }
    }
    return bytes <= maxBytes || contents.unfinished().isEmpty();
  }

  /**
   * A file of the folder.
   *
   * @param bytes its size when it is finished
   * @param written its size now
   */
  private record Copy(Path file, long bytes, long written, FileTime used) {

    String sha256() {
      String name = file.getFileName().toString();
      return name.substring(0, name.indexOf(SUFFIX));
    }

    boolean isOf(String sha256) {
      return sha256().equals(sha256);
    }
  }

  /** The folder's files, those first that were used least recently. */
  private record Contents(List<Copy> finished, List<Copy> unfinished) {

    long bytes() {
      return Stream.concat(finished.stream(), unfinished.stream()).mapToLong(Copy::bytes).sum();
    }
  }

  private Contents contents() throws IOException {
    List<Copy> finished = new ArrayList<>();
    List<Copy> unfinished = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Matcher temporary = TEMPORARY.matcher(file.getFileName().toString());
        if (file.toString().endsWith(SUFFIX)) {
          look(file, 0).ifPresent(finished::add);
        } else if (temporary.matches()) {
          long size = temporary.group(1) == null ? 0 : Long.parseLong(temporary.group(1));
          look(file, size).filter(copy -> !deletedAsLeftOver(copy)).ifPresent(unfinished::add);
        }
      }
    }
    finished.sort(Comparator.comparing(Copy::used));
    return new Contents(finished, unfinished);
  }

  /** Empty if another process has deleted or finished the file in the meantime. */
  private static Optional<Copy> look(Path file, long reserved) throws IOException {
    try {
      BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
      long size = found.size();
      return Optional.of(new Copy(file, Math.max(size, reserved), size, found.lastModifiedTime()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /** A process that was killed cannot clear away its unfinished copies. */
  private static boolean deletedAsLeftOver(Copy copy) {
    if (copy.used().toInstant().isAfter(Instant.now().minus(LEFT_OVER))) {
      return false;
    }
    try {
      Files.deleteIfExists(copy.file());
      return true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Forgets a copy that turned out to be of no use. */
  void remove(ShardEntry entry) {
    try {
      Files.deleteIfExists(copy(entry));
    } catch (IOException e) {
      throw new InfrastructureException(
          "The damaged copy " + copy(entry) + " cannot be deleted: " + e + ".", e);
    }
  }
}
