package io.sparkhawk.data.prepare;

import io.sparkhawk.data.corpus.CorpusFile;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.data.storage.JsonFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Everything that decides what a data set folder holds, as text: it stands in the folder, and a run
 * with other values is refused.
 *
 * @param rows what the rows depend on beside the documents, by setting
 * @param files the files of the corpus with their sizes, by setting
 */
record FolderSettings(Map<String, String> rows, Map<String, List<String>> files) {

  private static final int LONGEST_SHOWN = 200;

  FolderSettings {
    rows = new TreeMap<>(rows);
    files = new TreeMap<>(files);
  }

  static FolderSettings of(PrepareSettings settings, Corpus corpus, TokenFormat tokens) {
    Map<String, String> rows = new TreeMap<>();
    rows.put("seq-len", Integer.toString(settings.seqLen()));
    rows.put("text-column", settings.textColumn());
    rows.put("source-column", settings.sourceColumn());
    rows.put("end-of-text", settings.endOfText());
    rows.put("tokenizer (SHA-256)", tokens.tokenizerSha256());
    rows.put("vocabulary", Integer.toString(tokens.vocabularySize()));
    rows.put("held-out-share", corpus.hasValidationFiles() ? "none" : "" + settings.heldOutShare());
    rows.put("max-document-characters", Integer.toString(settings.maxDocumentCharacters()));
    rows.put("shard-bytes", Long.toString(settings.shardBytes()));
    int inputBegin = corpus.validationFiles();
    return new FolderSettings(
        rows,
        Map.of(
            "validation", describe(corpus.files().subList(0, inputBegin)),
            "input", describe(corpus.files().subList(inputBegin, corpus.files().size()))));
  }

  private static List<String> describe(List<CorpusFile> files) {
    return files.stream().map(file -> file.uri() + " (" + file.length() + " bytes)").toList();
  }

  /** Hash of what the rows depend on beside the documents. */
  String sha256() {
    return Checksum.of(JsonFormat.write(rows));
  }

  /** Each setting that is not the same in {@code existing}, with both values. */
  List<String> differences(FolderSettings existing) {
    List<String> differences = new ArrayList<>();
    addDifferences(rows, existing.rows, differences);
    addDifferences(files, existing.files, differences);
    return differences;
  }

  private static <T> void addDifferences(
      Map<String, T> wanted, Map<String, T> existing, List<String> differences) {
    TreeSet<String> names = new TreeSet<>(wanted.keySet());
    names.addAll(existing.keySet());
    for (String name : names) {
      String here = String.valueOf(wanted.get(name));
      String there = String.valueOf(existing.get(name));
      if (!here.equals(there)) {
        differences.add(name + " is " + shown(here) + " now, but was " + shown(there));
      }
    }
  }

  private static String shown(String value) {
    return value.length() <= LONGEST_SHOWN ? value : value.substring(0, LONGEST_SHOWN) + "...";
  }
}
