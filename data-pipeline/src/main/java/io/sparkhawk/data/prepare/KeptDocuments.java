package io.sparkhawk.data.prepare;

import java.util.Iterator;
import java.util.NoSuchElementException;
import scala.Tuple2;

/** The documents of one file that go into shards which are to be made, with their shard. */
final class KeptDocuments implements Iterator<Tuple2<DocumentKey, ShuffledDocument>> {

  private final CorpusReader documents;
  private final Duplicates duplicates;
  private final ShardPlan plan;
  private final ShardPartitioner wanted;
  private long textBefore;
  private Tuple2<DocumentKey, ShuffledDocument> next;

  KeptDocuments(
      CorpusReader documents, Duplicates duplicates, ShardPlan plan, ShardPartitioner wanted) {
    this.documents = documents;
    this.duplicates = duplicates;
    this.plan = plan;
    this.wanted = wanted;
  }

  @Override
  public boolean hasNext() {
    while (next == null && documents.hasNext()) {
      ReadDocument document = documents.next();
      int shard = document.isEmpty() ? -1 : plan.shardOf(document, textBefore);
      textBefore += document.text().length;
      if (wanted.contains(shard) && !duplicates.contains(document.position())) {
        next =
            new Tuple2<>(
                new DocumentKey(shard, document.position()),
                new ShuffledDocument(document.text(), document.source()));
      }
    }
    return next != null;
  }

  @Override
  public Tuple2<DocumentKey, ShuffledDocument> next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    Tuple2<DocumentKey, ShuffledDocument> result = next;
    next = null;
    return result;
  }
}
