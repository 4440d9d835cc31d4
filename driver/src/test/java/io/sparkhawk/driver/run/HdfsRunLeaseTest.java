package io.sparkhawk.driver.run;

import io.sparkhawk.data.storage.Storage;
import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** The lease on a real HDFS: a name node and a data node in this process. */
class HdfsRunLeaseTest extends RunLeaseRules {

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

  @Override
  Storage storage() {
    return storage;
  }

  @Override
  Path root() {
    return new Path("/runs");
  }
}
