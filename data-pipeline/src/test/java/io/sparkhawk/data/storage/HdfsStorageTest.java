package io.sparkhawk.data.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The storage on a real HDFS: a name node and a data node in this process. */
@Timeout(120)
class HdfsStorageTest {

  private static final byte[] MINE = bytes("mine");
  private static final byte[] OTHERS = bytes("others");

  @TempDir private static java.nio.file.Path disk;
  private static MiniDFSCluster cluster;
  private static Storage storage;

  @BeforeAll
  static void startCluster() throws IOException {
    Configuration hadoop = new Configuration();
    hadoop.set("hdfs.minidfs.basedir", disk.toString());
    hadoop.set("dfs.namenode.rpc-bind-host", "127.0.0.1");
    cluster = new MiniDFSCluster.Builder(hadoop).numDataNodes(1).build();
    storage = Storage.of(cluster.getFileSystem());
  }

  @AfterAll
  static void stopCluster() {
    cluster.shutdown(true);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static List<String> names(Path folder) throws IOException {
    return Arrays.stream(storage.fileSystem().listStatus(folder))
        .map(FileStatus::getPath)
        .map(Path::getName)
        .toList();
  }

  @Test
  void takenNameKeepsItsContent() throws IOException {
    Path file = new Path("/taken/manifest.json");
    assertThat(storage.createIfAbsent(file, OTHERS)).isTrue();
    assertThat(storage.createIfAbsent(file, MINE)).isFalse();
    assertThat(storage.createIfAbsent(file, OTHERS)).isTrue();
    assertThat(storage.read(file, "The file")).isEqualTo(OTHERS);
    assertThat(names(new Path("/taken"))).containsExactly("manifest.json");
  }

  @Test
  void renameNeverReplacesAFile() throws IOException {
    // What the storage relies on.
    storage.createIfAbsent(new Path("/rename/from"), MINE);
    storage.createIfAbsent(new Path("/rename/to"), OTHERS);
    assertThat(storage.fileSystem().rename(new Path("/rename/from"), new Path("/rename/to")))
        .isFalse();
    assertThat(storage.read(new Path("/rename/to"), "The file")).isEqualTo(OTHERS);
  }

  @Test
  void ofEightWritersAtOnceOneWins() throws Exception {
    Path file = new Path("/race/manifest.json");
    CountDownLatch start = new CountDownLatch(1);
    ExecutorService pool = Executors.newFixedThreadPool(8);
    try {
      List<Future<Boolean>> writers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        byte[] content = bytes("writer " + i);
        writers.add(
            pool.submit(
                () -> {
                  start.await();
                  return storage.createIfAbsent(file, content);
                }));
      }
      start.countDown();
      List<Integer> winners = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        if (writers.get(i).get(60, TimeUnit.SECONDS)) {
          winners.add(i);
        }
      }
      assertThat(winners).hasSize(1);
      assertThat(storage.read(file, "The winner's file"))
          .isEqualTo(bytes("writer " + winners.get(0)));
    } finally {
      pool.shutdownNow();
    }
    assertThat(names(new Path("/race"))).containsExactly("manifest.json");
  }
}
