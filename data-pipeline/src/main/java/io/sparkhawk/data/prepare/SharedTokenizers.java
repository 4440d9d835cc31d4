package io.sparkhawk.data.prepare;

import io.sparkhawk.data.token.Tokenizer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The tokenizers of this process, made once and used by the tasks of all its cores: a large
 * vocabulary takes seconds to load and much memory. They live as long as the process.
 */
final class SharedTokenizers {

  private static final Map<String, Tokenizer> BY_CHECKSUM = new ConcurrentHashMap<>();

  private SharedTokenizers() {}

  static Tokenizer get(TokenFormat format) {
    return BY_CHECKSUM.computeIfAbsent(
        format.tokenizerSha256(), sha256 -> Tokenizer.of(format.tokenizer(), format.origin()));
  }
}
