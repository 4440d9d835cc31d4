package io.sparkhawk.data.prepare;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * Divides the files of the corpus between the reading tasks. Small neighbours share a task. The
 * division may depend on the cluster, as nothing in the data set depends on it.
 */
final class FileGroups {

  private static final long MAX_GROUP_BYTES = 64L << 20;
  private static final int GROUPS_PER_CORE = 4;

  private FileGroups() {}

  /** Neighbouring files, from {@code first} up to but not including {@code end}. */
  private record Group(int first, int end) implements Serializable {}

  /** The numbers of all files, a group of them in each partition. */
  static JavaRDD<Integer> distribute(JavaSparkContext spark, Corpus corpus) {
    long target =
        Math.min(
            MAX_GROUP_BYTES,
            corpus.length() / ((long) GROUPS_PER_CORE * spark.defaultParallelism()));
    List<Group> groups = groups(corpus, target);
    return spark
        .parallelize(groups, Math.max(1, groups.size()))
        .flatMap(group -> IntStream.range(group.first(), group.end()).iterator());
  }

  private static List<Group> groups(Corpus corpus, long target) {
    List<Group> groups = new ArrayList<>();
    int first = 0;
    long length = 0;
    for (int file = 0; file < corpus.files().size(); file++) {
      length += corpus.files().get(file).length();
      if (length >= target || file == corpus.files().size() - 1) {
        groups.add(new Group(first, file + 1));
        first = file + 1;
        length = 0;
      }
    }
    return groups;
  }
}
