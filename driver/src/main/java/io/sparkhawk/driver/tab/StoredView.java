package io.sparkhawk.driver.tab;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import org.apache.spark.util.kvstore.KVIndex;

/** A run that is over, as a history server keeps it between an application's event log and page. */
final class StoredView {

  /** There is one in an application's store. */
  static final String KEY = "run";

  @KVIndex public final String key;

  /** What {@link ViewJson} said at the end. */
  public final String json;

  @JsonCreator
  StoredView(@JsonProperty("key") String key, @JsonProperty("json") String json) {
    this.key = key;
    this.json = json;
  }
}
