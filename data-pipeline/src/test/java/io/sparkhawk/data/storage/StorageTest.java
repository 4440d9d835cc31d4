package io.sparkhawk.data.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.error.UnknownStateException;
import io.sparkhawk.data.storage.ConditionalFileSystem.Close;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StorageTest {

  private static final byte[] MINE = "mine".getBytes(StandardCharsets.UTF_8);
  private static final byte[] OTHERS = "others".getBytes(StandardCharsets.UTF_8);

  @TempDir private java.nio.file.Path folder;
  private ConditionalFileSystem objectStore;

  /** The three ways in which a file system commits. */
  private enum Kind {
    LOCAL,
    CONDITIONAL,
    RENAMING
  }

  @BeforeEach
  void makeObjectStore() throws IOException {
    objectStore = ConditionalFileSystem.create();
  }

  private Storage storage(Kind kind) throws IOException {
    return switch (kind) {
      case LOCAL -> Storage.of(new Configuration(), new Path(folder.toString()));
      case CONDITIONAL -> Storage.of(objectStore);
      case RENAMING -> Storage.of(mounted());
    };
  }

  /** The folder seen through Hadoop's view file system, which is not a local one to Hadoop. */
  private FileSystem mounted() throws IOException {
    Configuration hadoop = new Configuration();
    hadoop.set("fs.file.impl", RawLocalFileSystem.class.getName());
    hadoop.set("fs.viewfs.mounttable.test.link./data", folder.toUri().toString());
    return FileSystem.newInstance(URI.create("viewfs://test/"), hadoop);
  }

  private Path path(Kind kind, String name) {
    return kind == Kind.RENAMING
        ? new Path("viewfs://test/data/" + name)
        : new Path(folder.resolve(name).toString());
  }

  @ParameterizedTest
  @EnumSource
  void fileIsCreatedWithItsFolders(Kind kind) throws IOException {
    assertThat(storage(kind).createIfAbsent(path(kind, "a/b/file"), MINE)).isTrue();
    assertThat(folder.resolve("a/b/file")).hasBinaryContent(MINE);
    assertThat(names(folder.resolve("a/b"))).containsExactly("file");
  }

  @ParameterizedTest
  @EnumSource
  void takenNameKeepsItsContent(Kind kind) throws IOException {
    Storage storage = storage(kind);
    assertThat(storage.createIfAbsent(path(kind, "file"), OTHERS)).isTrue();
    assertThat(storage.createIfAbsent(path(kind, "file"), MINE)).isFalse();
    assertThat(storage.createIfAbsent(path(kind, "file"), OTHERS)).isTrue();
    assertThat(folder.resolve("file")).hasBinaryContent(OTHERS);
    assertThat(names(folder)).containsExactly("file");
  }

  @Test
  void ofManyWritersExactlyOneWins() throws Exception {
    Storage storage = storage(Kind.LOCAL);
    CountDownLatch start = new CountDownLatch(1);
    ExecutorService pool = Executors.newFixedThreadPool(8);
    try {
      List<Future<Boolean>> writers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        byte[] content = ("writer " + i).getBytes(StandardCharsets.UTF_8);
        writers.add(
            pool.submit(
                () -> {
                  start.await();
                  return storage.createIfAbsent(path(Kind.LOCAL, "file"), content);
                }));
      }
      start.countDown();
      int winners = 0;
      for (Future<Boolean> writer : writers) {
        winners += writer.get(30, TimeUnit.SECONDS) ? 1 : 0;
      }
      assertThat(winners).isEqualTo(1);
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void lostReplyIsToldApartFromALostRace() {
    objectStore.onClose(Close.WRITES_BUT_LOSES_THE_REPLY);
    Storage storage = Storage.of(objectStore);
    assertThat(storage.createIfAbsent(path(Kind.CONDITIONAL, "file"), MINE)).isTrue();
    assertThat(storage.createIfAbsent(path(Kind.CONDITIONAL, "file"), OTHERS)).isFalse();
  }

  @Test
  void failedWriteIsAFailureOfTheInfrastructure() {
    objectStore.onClose(Close.FAILS);
    assertThatThrownBy(
            () -> Storage.of(objectStore).createIfAbsent(path(Kind.CONDITIONAL, "file"), MINE))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContainingAll("file", "connection reset");
  }

  @Test
  void writeThatCannotBeReadBackIsUnknown() {
    objectStore.onClose(Close.WRITES_BUT_LOSES_THE_REPLY);
    objectStore.makeUnreadable();
    assertThatThrownBy(
            () -> Storage.of(objectStore).createIfAbsent(path(Kind.CONDITIONAL, "file"), MINE))
        .isInstanceOf(UnknownStateException.class)
        .hasMessageContainingAll("file", "connection reset");
  }

  @ParameterizedTest
  @EnumSource(names = {"LOCAL", "RENAMING"})
  void publishedFileReplacesWhatWasThere(Kind kind) throws IOException {
    java.nio.file.Path finished = Files.write(folder.resolve("finished"), MINE);
    Storage storage = storage(kind);
    assertThat(storage.createIfAbsent(path(kind, "data/file"), OTHERS)).isTrue();
    storage.publish(finished, path(kind, "data/file"));
    assertThat(folder.resolve("data/file")).hasBinaryContent(MINE);
    assertThat(names(folder.resolve("data"))).containsExactly("file");
  }

  @Test
  void missingFileIsEmptyOrNamed() throws IOException {
    Storage storage = storage(Kind.LOCAL);
    assertThat(storage.readIfPresent(path(Kind.LOCAL, "nothing"))).isEmpty();
    assertThatThrownBy(() -> storage.read(path(Kind.LOCAL, "nothing"), "The list"))
        .hasMessageContainingAll("The list is missing", "nothing");
  }

  @Test
  void schemeWithoutAFileSystemIsNamed() {
    assertThatThrownBy(() -> Storage.of(new Configuration(), new Path("nosuch://place/file")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("nosuch://place/file");
  }

  @Test
  void fullDiskIsNamed() {
    assertThat(Storage.writeFailure("/data/x", new IOException("No space left on device")))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContainingAll("/data/x", "Free some space");
  }

  @Test
  void folderThatCannotBeMadeIsNamed() throws IOException {
    Files.write(folder.resolve("in-the-way"), OTHERS);
    Storage storage = storage(Kind.LOCAL);
    assertThatThrownBy(() -> storage.createIfAbsent(path(Kind.LOCAL, "in-the-way/file"), MINE))
        .isInstanceOf(InfrastructureException.class)
        .hasMessageContaining("in-the-way/file");
  }

  private static List<String> names(java.nio.file.Path folder) throws IOException {
    try (Stream<java.nio.file.Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
