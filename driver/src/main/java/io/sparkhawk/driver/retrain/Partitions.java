package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.corpus.CorpusFile;
import io.sparkhawk.data.corpus.CorpusFiles;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.driver.config.NewBy;
import io.sparkhawk.driver.config.RetrainConfig;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;

/** Finds the partitions of the corpus that are complete. */
final class Partitions {

  private final RetrainConfig config;
  private final Pattern date;

  private Partitions(RetrainConfig config) {
    this.config = config;
    this.date = Pattern.compile("(?:^|/)" + Pattern.quote(config.partitionKey()) + "=([^/]*)/");
  }

  /**
   * Lists the partitions in the order of their names.
   *
   * @param today the date in UTC
   * @throws DataException if there is no corpus, or a file without a date where dates are asked for
   */
  static List<Partition> find(Configuration hadoop, RetrainConfig config, LocalDate today) {
    return new Partitions(config).find(CorpusFiles.list(hadoop, config.corpus()), today);
  }

  private List<Partition> find(List<CorpusFile> files, LocalDate today) {
    Map<String, List<CorpusFile>> byName = new TreeMap<>();
    for (CorpusFile file : files) {
      if (isComplete(file, today)) {
        byName.computeIfAbsent(name(file), name -> new ArrayList<>()).add(file);
      }
    }
    return byName.entrySet().stream()
        .map(entry -> partition(entry.getKey(), entry.getValue()))
        .toList();
  }

  private static Partition partition(String name, List<CorpusFile> files) {
    return new Partition(
        name,
        files.stream().map(CorpusFile::uri).sorted().distinct().toList(),
        files.stream().mapToLong(CorpusFile::length).sum());
  }

  private String name(CorpusFile file) {
    return config.newBy() == NewBy.FILE ? file.uri() : dateOf(file).toString();
  }

  private boolean isComplete(CorpusFile file, LocalDate today) {
    return config.newBy() == NewBy.FILE
        || !dateOf(file).plusDays(config.minAgeDays()).isAfter(today);
  }

  private LocalDate dateOf(CorpusFile file) {
    Matcher found = date.matcher(file.uri());
    String wanted = config.partitionKey() + "=2026-11-01";
    if (!found.find()) {
      throw new DataException(
          "The path of %s has no folder such as %s. Name such files with corpus only, another partition-key, or set new-by: file."
              .formatted(file.uri(), wanted));
    }
    try {
      return LocalDate.parse(found.group(1));
    } catch (DateTimeParseException e) {
      throw new DataException(
          "The path of %s has '%s' where a date such as %s is expected."
              .formatted(file.uri(), found.group(1), wanted),
          e);
    }
  }
}
