package io.sparkhawk.driver.tab;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.driver.launch.LoopbackConf;
import java.net.URI;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.history.FsHistoryProvider;
import org.apache.spark.deploy.history.HistoryServer;
import org.apache.spark.deploy.history.HistoryServer$;

/**
 * Spark's history server in this process, on the loopback interface: the pages of applications that
 * are over, and of those that are not as far as their event logs have come.
 */
public final class HistoryPages implements AutoCloseable {

  private final HistoryServer server;

  private HistoryPages(HistoryServer server) {
    this.server = server;
  }

  /**
   * Starts serving the event logs of a folder; it looks for new ones every few seconds.
   *
   * @param folder the folder's URI, on any storage that the settings know
   * @param port where to serve; Spark tries the next ones if it is taken, 0 stands for any
   * @throws InfrastructureException if the folder cannot be read or no port is free
   */
  public static HistoryPages serve(String folder, int port) {
    SparkConf conf = new LoopbackConf();
    System.getProperties().stringPropertyNames().stream()
        .filter(name -> name.startsWith("spark."))
        .forEach(name -> conf.set(name, System.getProperty(name)));
    conf.set("spark.history.fs.logDirectory", folder);
    conf.set("spark.history.ui.port", Integer.toString(port));
    conf.setIfMissing("spark.history.fs.update.interval", "2s");
    conf.setIfMissing("spark.history.fs.endEventReparseChunkSize", "0");
    try {
      FsHistoryProvider provider = new FsHistoryProvider(conf);
      HistoryServer server =
          new HistoryServer(
              conf, provider, HistoryServer$.MODULE$.createSecurityManager(conf), port);
      server.bind();
      provider.start();
      return new HistoryPages(server);
    } catch (Exception e) {
      // Spark throws checked exceptions that it does not declare.
      throw new InfrastructureException(
          "The pages of " + folder + " cannot be served: " + e.getMessage() + ".", e);
    }
  }

  /** Where the list of all applications is. */
  public URI address() {
    return URI.create("http://127.0.0.1:" + server.boundPort() + "/");
  }

  /** Where the page of a run is. */
  URI page(String applicationId) {
    return address().resolve("history/" + applicationId + "/" + RunTab.PREFIX + "/");
  }

  @Override
  public void close() {
    server.stop();
  }
}
