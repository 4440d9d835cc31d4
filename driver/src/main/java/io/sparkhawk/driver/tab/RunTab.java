package io.sparkhawk.driver.tab;

import java.util.function.UnaryOperator;
import org.apache.spark.ui.SparkUI;
import org.apache.spark.ui.SparkUITab;

/** The tab in Spark's web interface, which holds one page. */
final class RunTab extends SparkUITab {

  /** Where the tab is, below the address of the application's interface. */
  static final String PREFIX = "mohawk";

  private RunTab(SparkUI ui) {
    super(ui, PREFIX);
    attachPage(new RunPage(this));
  }

  /**
   * Adds the tab to an interface.
   *
   * @param answers gives what the page asks for again and again: {@link ViewJson}, for a cursor
   */
  static void addTo(SparkUI ui, UnaryOperator<String> answers) {
    ui.attachTab(new RunTab(ui));
    String base = ui.basePath() + "/" + PREFIX;
    ui.attachHandler(base + "/assets", new Assets(), "/*");
    ui.attachHandler(base + "/run", new Answers(answers), "/*");
  }

  @Override
  public String name() {
    return "MOHAWK";
  }
}
