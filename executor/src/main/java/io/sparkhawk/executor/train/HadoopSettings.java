package io.sparkhawk.executor.train;

import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/** Makes Hadoop's configuration on a worker: what the driver has set over the defaults. */
final class HadoopSettings {

  private HadoopSettings() {}

  static Configuration over(Map<String, String> settings) {
    Configuration configuration = new Configuration();
    settings.forEach(configuration::set);
    return configuration;
  }
}
