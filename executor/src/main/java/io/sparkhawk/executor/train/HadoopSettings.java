package io.sparkhawk.executor.train;

import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/** Makes Hadoop's configuration on a worker: what the driver has set over the defaults. */
public final class HadoopSettings {

  private HadoopSettings() {}

  public static Configuration over(Map<String, String> settings) {
    Configuration configuration = new Configuration();
    settings.forEach(configuration::set);
    return configuration;
  }
}
