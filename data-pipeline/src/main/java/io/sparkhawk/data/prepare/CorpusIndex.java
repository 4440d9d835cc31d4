package io.sparkhawk.data.prepare;

import io.sparkhawk.data.shard.CorpusCounts;
import io.sparkhawk.data.shard.DataManifest.SourceFile;
import io.sparkhawk.data.storage.Checksum;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What the first pass found out about the corpus.
 *
 * @param totals of every file, in the corpus's order
 * @param duplicates the documents to leave out
 */
record CorpusIndex(List<FileTotals> totals, Duplicates duplicates) implements Serializable {

  CorpusIndex {
    totals = List.copyOf(totals);
  }

  CorpusCounts counts() {
    return new CorpusCounts(
        totals.stream().mapToLong(FileTotals::documents).sum(),
        totals.stream().mapToLong(FileTotals::empty).sum(),
        duplicates.count(),
        totals.stream().mapToLong(FileTotals::overLong).sum());
  }

  /** Hash over the texts of all documents in order. */
  String sha256() {
    return Checksum.of(totals.stream().map(FileTotals::sha256).collect(Collectors.joining("\n")));
  }

  List<SourceFile> sources(Corpus corpus) {
    List<SourceFile> sources = new ArrayList<>();
    for (FileTotals total : totals) {
      sources.add(
          new SourceFile(
              corpus.files().get(total.file()).uri(),
              corpus.files().get(total.file()).length(),
              total.documents()));
    }
    return sources;
  }

  /** UTF-8 bytes of the text that is tokenised. */
  long keptTextBytes() {
    return totals.stream().mapToLong(FileTotals::textBytes).sum() - duplicates.textBytes();
  }
}
