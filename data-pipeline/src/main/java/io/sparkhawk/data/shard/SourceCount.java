package io.sparkhawk.data.shard;

import java.io.Serializable;

/** What one source gave to a split, end-of-text ids included. */
public record SourceCount(long documents, long tokens) implements Serializable {

  public SourceCount plus(SourceCount other) {
    return new SourceCount(documents + other.documents, tokens + other.tokens);
  }
}
