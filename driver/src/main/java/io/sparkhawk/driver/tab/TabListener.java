package io.sparkhawk.driver.tab;

import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerEvent;

/** Takes the tab's events from Spark's listener bus, or from an event log, into a view. */
final class TabListener extends SparkListener {

  private final RunView view;

  TabListener(RunView view) {
    this.view = view;
  }

  @Override
  public void onOtherEvent(SparkListenerEvent event) {
    if (event instanceof TabEvent told) {
      view.add(told);
    }
  }
}
