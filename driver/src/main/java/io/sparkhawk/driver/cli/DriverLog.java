package io.sparkhawk.driver.cli;

import io.sparkhawk.executor.logging.LogFormat;
import org.apache.logging.log4j.Level;

/** What the driver's process logs, and how. */
final class DriverLog {

  private DriverLog() {}

  /**
   * Follows the options of a command.
   *
   * <p>The launcher has set the level of libraries before the process began. In a driver that
   * spark-submit started it is the cluster's, which tells much that only a cluster's own log is
   * for: at the console of whoever submits it is quiet as well.
   */
  static void use(SparkhawkCommand options) {
    options.logFormat.use("driver");
    if (options.logFormat == LogFormat.JSON) {
      LogFormat.setLevels(options.verbose ? Level.INFO : Level.WARN, Level.INFO);
    } else if ("client".equals(System.getProperty("spark.submit.deployMode"))) {
      LogFormat.setLevels(
          options.verbose ? Level.INFO : Level.OFF, options.verbose ? Level.INFO : Level.WARN);
    }
  }
}
