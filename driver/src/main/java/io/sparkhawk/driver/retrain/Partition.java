package io.sparkhawk.driver.retrain;

import java.util.List;

/**
 * A part of the corpus that is new as a whole.
 *
 * @param name its date, or the path of its only file
 * @param files paths of its files
 * @param bytes of all files, as stored
 */
public record Partition(String name, List<String> files, long bytes) {

  public Partition {
    files = List.copyOf(files);
  }
}
