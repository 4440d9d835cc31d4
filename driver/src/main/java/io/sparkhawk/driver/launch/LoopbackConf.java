package io.sparkhawk.driver.launch;

import org.apache.spark.SparkConf;
import scala.Tuple2;

/**
 * Settings of an application on this machine, whose web interface is served on the loopback
 * interface alone. Spark takes that address from the environment variable {@code SPARK_LOCAL_IP},
 * which a process cannot set for itself, and by default serves on all interfaces; it reads the
 * variable through its settings.
 */
public final class LoopbackConf extends SparkConf {

  private static final long serialVersionUID = 1;

  /** No settings. */
  public LoopbackConf() {
    super(false);
  }

  @Override
  public String getenv(String name) {
    return name.equals("SPARK_LOCAL_IP") ? "127.0.0.1" : super.getenv(name);
  }

  /** Spark works with a copy. */
  @Override
  public LoopbackConf clone() {
    LoopbackConf copy = new LoopbackConf();
    for (Tuple2<String, String> setting : getAll()) {
      copy.set(setting._1(), setting._2());
    }
    return copy;
  }
}
