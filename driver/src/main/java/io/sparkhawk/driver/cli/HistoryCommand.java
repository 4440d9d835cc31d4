package io.sparkhawk.driver.cli;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.driver.run.Plans;
import io.sparkhawk.driver.run.RunFolder;
import io.sparkhawk.driver.tab.HistoryPages;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.CountDownLatch;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sparkhawk history}: the pages of runs from their event logs. */
@Command(
    name = "history",
    description = {
      "Show Spark's pages of a run that is over, the MOHAWK tab among them, from its event log.",
      "",
      "Serves them on this machine until it is ended (Ctrl-C). A run that still goes on is shown as"
          + " far as its log has come.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  sparkhawk history runs/quickstart",
      "  sparkhawk history spark-events/application_1733_0001.zstd",
      "  sparkhawk history hdfs:///spark-history --port 18081"
    })
final class HistoryCommand implements Runnable {

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "PATH",
      description =
          "Folder of a run, a folder of event logs, or one event log, whose folder is then shown.")
  private String path;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "18080",
      description = "Where to serve them; the next free one if it is taken (${DEFAULT-VALUE}).")
  private int port;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    try (HistoryPages pages = HistoryPages.serve(folder().toString(), port)) {
      out.println("Pages at " + pages.address() + "; end with Ctrl-C");
      out.flush();
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Path folder() {
    Path given = Storage.path(path);
    FileSystem files = Storage.of(Plans.hadoopConfiguration(), given).fileSystem();
    try {
      if (!files.exists(given)) {
        throw new ConfigurationException(
            "There is no " + given + "; name the folder of a run, or of Spark's event logs.");
      }
      Path ofRun = new Path(given, RunFolder.EVENTS);
      if (files.getFileStatus(given).isFile()) {
        return files.makeQualified(given).getParent();
      }
      return files.makeQualified(files.exists(ofRun) ? ofRun : given);
    } catch (IOException e) {
      throw new InfrastructureException(given + " cannot be read: " + e.getMessage() + ".", e);
    }
  }
}
