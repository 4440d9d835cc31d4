package io.sparkhawk.driver.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.executor.logging.LogFormat;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LoggerContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What passes of the logs of Spark and of the program, in a driver that spark-submit started. */
class DriverLogTest {

  private static final String MODE = "spark.submit.deployMode";

  @AfterEach
  void logAsBefore() {
    System.clearProperty(MODE);
    LogFormat.TEXT.use("test");
    LoggerContext.getContext(false).reconfigure();
  }

  private static void use(String deployMode, LogFormat format, boolean verbose) {
    System.setProperty(MODE, deployMode);
    SparkhawkCommand options = new SparkhawkCommand();
    options.logFormat = format;
    options.verbose = verbose;
    DriverLog.use(options);
  }

  private static Level spark() {
    return LogManager.getLogger("org.apache.spark.SparkContext").getLevel();
  }

  private static Level ours() {
    return LogManager.getLogger("io.sparkhawk.driver.coordinator.RingSecurity").getLevel();
  }

  @Test
  void atAConsoleSparkIsQuietAndWarningsOfTheProgramAreNot() {
    use("client", LogFormat.TEXT, false);
    assertThat(spark()).isEqualTo(Level.OFF);
    assertThat(ours()).isEqualTo(Level.WARN);
  }

  @Test
  void verboseLetsAllPass() {
    use("client", LogFormat.TEXT, true);
    assertThat(spark()).isEqualTo(Level.INFO);
    assertThat(ours()).isEqualTo(Level.INFO);
  }

  @Test
  void inAClusterTheLogIsTheClusters() {
    Level before = spark();
    use("cluster", LogFormat.TEXT, false);
    assertThat(spark()).isEqualTo(before);
  }

  @Test
  void jsonHasSparksWarningsAndAllOfTheProgram() {
    use("cluster", LogFormat.JSON, false);
    assertThat(spark()).isEqualTo(Level.WARN);
    assertThat(ours()).isEqualTo(Level.INFO);
  }
}
