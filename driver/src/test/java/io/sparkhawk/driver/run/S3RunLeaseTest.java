package io.sparkhawk.driver.run;

import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.testing.S3Server;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The lease on a real S3 server. */
class S3RunLeaseTest extends RunLeaseRules {

  private static S3Server server;
  private static Storage storage;

  @BeforeAll
  static void startServer() {
    server = S3Server.start();
    server.bucket("leases");
    Configuration hadoop = new Configuration();
    server.hadoopSettings(server.port()).forEach(hadoop::set);
    storage = Storage.of(hadoop, new Path("s3a://leases/"));
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  @Override
  Storage storage() {
    return storage;
  }

  @Override
  Path root() {
    return new Path("s3a://leases/runs");
  }
}
