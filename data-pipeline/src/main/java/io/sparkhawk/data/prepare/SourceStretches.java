package io.sparkhawk.data.prepare;

import io.sparkhawk.data.shard.ShardSources;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Collects which source a shard's tokens come from; neighbours of one source make one stretch. */
final class SourceStretches {

  private final Map<String, Integer> numbers = new LinkedHashMap<>();
  private final List<Integer> sources = new ArrayList<>();
  private final List<Long> tokens = new ArrayList<>();

  void add(String source, long count) {
    int number = numbers.computeIfAbsent(source, unused -> numbers.size());
    int last = sources.size() - 1;
    if (last >= 0 && sources.get(last) == number) {
      tokens.set(last, tokens.get(last) + count);
    } else {
      sources.add(number);
      tokens.add(count);
    }
  }

  ShardSources all() {
    return new ShardSources(List.copyOf(numbers.keySet()), sources, tokens);
  }
}
