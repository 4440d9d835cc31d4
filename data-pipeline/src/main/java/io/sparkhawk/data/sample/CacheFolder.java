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
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A folder of the local disk with copies of remote shards, named by their checksums, so that
 * processes and data sets may share it. It is kept below a size: the copies that were used least
 * recently, by any process, go first. A file's time of change says when it was last used.
 *
 * <p>A copy may be deleted while a process has it mapped; the system then keeps its bytes until the
 * process lets go of it.
 */
final class CacheFolder {

  private static final String SUFFIX = ".arrow";
  private static final String TEMPORARY_SUFFIX = ".tmp";

  /** Nobody writes to an unfinished copy that has not grown for so long. */
  private static final Duration LEFT_OVER = Duration.ofHours(1);

  private final Path folder;
  private final long maxBytes;

  CacheFolder(Path folder, long maxBytes) {
    this.folder = folder;
    this.maxBytes = maxBytes;
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
        make(copy, fetch);
        makeRoom(copy);
      }
      return copy;
    } catch (IOException | UncheckedIOException e) {
      throw new InfrastructureException(
          "The local cache " + folder + " cannot be used: " + e + ".", e);
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

  private void make(Path copy, Consumer<Path> fetch) throws IOException {
    Path temporary =
        copy.resolveSibling(copy.getFileName() + "." + UUID.randomUUID() + TEMPORARY_SUFFIX);
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw Storage.writeFailure(folder, e);
    }
    try {
      fetch.accept(temporary);
      Files.move(temporary, copy, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /** Deletes the copies that were used least recently, but never the one just made. */
  private void makeRoom(Path newest) throws IOException {
    List<Copy> copies = copies();
    long bytes = copies.stream().mapToLong(Copy::bytes).sum();
    for (Copy old : copies) {
      if (bytes <= maxBytes) {
        return;
      }
      if (!old.file().equals(newest)) {
        Files.deleteIfExists(old.file());
        bytes -= old.bytes();
      }
    }
  }

  private record Copy(Path file, long bytes, FileTime used) {}

  /** Least recently used first. */
  private List<Copy> copies() throws IOException {
    List<Copy> copies = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        if (file.toString().endsWith(SUFFIX)) {
          addIfThere(file, copies);
        } else if (file.toString().endsWith(TEMPORARY_SUFFIX)) {
          deleteIfLeftOver(file);
        }
      }
    }
    copies.sort(Comparator.comparing(Copy::used));
    return copies;
  }

  private static void addIfThere(Path file, List<Copy> copies) throws IOException {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      copies.add(new Copy(file, attributes.size(), attributes.lastModifiedTime()));
    } catch (NoSuchFileException e) {
      // Another process made room at the same time.
      return;
    }
  }

  /** A process that was killed cannot clear away its unfinished copies. */
  private static void deleteIfLeftOver(Path file) throws IOException {
    try {
      Instant written = Files.getLastModifiedTime(file).toInstant();
      if (written.isBefore(Instant.now().minus(LEFT_OVER))) {
        Files.deleteIfExists(file);
      }
    } catch (NoSuchFileException e) {
      // It was finished in the meantime.
      return;
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
