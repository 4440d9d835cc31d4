package io.sparkhawk.driver.tab;

import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.SparkConf;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.status.AppHistoryServerPlugin;
import org.apache.spark.status.ElementTrackingStore;
import org.apache.spark.ui.SparkUI;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction0;
import scala.runtime.BoxedUnit;

/**
 * Gives Spark's history server the tab, where this module's jar is on its class path: Spark finds
 * this class by {@code META-INF/services}. An event log is folded to the view of its end, which the
 * server may keep on its disk.
 */
public final class HistoryPlugin implements AppHistoryServerPlugin {

  @Override
  public Seq<SparkListener> createListeners(SparkConf conf, ElementTrackingStore store) {
    RunView view = new RunView();
    store.onFlush(
        new AbstractFunction0<>() {
          @Override
          public BoxedUnit apply() {
            if (view.started() > 0) {
              String json = ViewJson.of(view, "", view.lastTime(), false);
              store.write(new StoredView(StoredView.KEY, json));
            }
            return BoxedUnit.UNIT;
          }
        });
    return CollectionConverters.asScala(List.<SparkListener>of(new TabListener(view))).toSeq();
  }

  /** An application that was no run has no tab. */
  @Override
  public void setupUI(SparkUI ui) {
    try {
      StoredView stored = ui.store().store().read(StoredView.class, StoredView.KEY);
      RunTab.addTo(ui, since -> stored.json);
    } catch (NoSuchElementException e) {
      return;
    } catch (Exception e) {
      throw new IllegalStateException("the stored view of the run cannot be read", e);
    }
  }

  @Override
  public int displayOrder() {
    return 100;
  }
}
