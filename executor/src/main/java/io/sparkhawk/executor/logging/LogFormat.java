package io.sparkhawk.executor.logging;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.Appender;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.ConsoleAppender;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.Configurator;
import org.apache.logging.log4j.core.config.LoggerConfig;

/**
 * How this process writes its log.
 *
 * <p>It is changed in the running process, as on a cluster the file that configures Log4j is the
 * cluster's.
 */
public enum LogFormat {
  /** As the configuration of Log4j says. */
  TEXT,
  /**
   * One JSON object a line on standard error, {@link JsonLayout}: Sparkhawk's lines from level INFO
   * on, and what the configuration lets pass of the others.
   */
  JSON;

  private static final String OURS = "io.sparkhawk";

  private static final AtomicReference<LogFormat> CURRENT = new AtomicReference<>(TEXT);

  /** The format of this process. */
  public static LogFormat current() {
    return CURRENT.get();
  }

  /** The name as users write it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Makes this the format of the process, from now on.
   *
   * @param process what this process is, such as {@code driver} or {@code executor 3}
   */
  public void use(String process) {
    CURRENT.set(this);
    if (this == JSON) {
      useJson(process);
    }
  }

  /**
   * Says from which level on lines are let through; {@code OFF} lets nothing pass.
   *
   * @param libraries of Spark and other libraries
   * @param ours of Sparkhawk
   */
  public static void setLevels(Level libraries, Level ours) {
    Configurator.setRootLevel(libraries);
    Configurator.setLevel(OURS, ours);
  }

  private static void useJson(String process) {
    LoggerContext context = LoggerContext.getContext(false);
    Configuration configuration = context.getConfiguration();
    Appender lines =
        ConsoleAppender.newBuilder()
            .setName("sparkhawk-json")
            .setTarget(ConsoleAppender.Target.SYSTEM_ERR)
            .setFollow(true)
            .setLayout(new JsonLayout(process, LogPlace::current))
            .build();
    lines.start();
    configuration.addAppender(lines);
    replaceConsole(configuration.getRootLogger(), lines);
    configuration.getLoggers().values().forEach(logger -> replaceConsole(logger, lines));
    context.updateLoggers();
    Configurator.setLevel(OURS, Level.INFO);
  }

  /** Other appenders, to files say, stay as they are. */
  private static void replaceConsole(LoggerConfig logger, Appender lines) {
    boolean console = false;
    for (Appender appender : logger.getAppenders().values()) {
      if (appender instanceof ConsoleAppender) {
        logger.removeAppender(appender.getName());
        console = true;
      }
    }
    if (console) {
      logger.addAppender(lines, null, null);
    }
  }
}
