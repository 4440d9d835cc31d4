package io.sparkhawk.data.prepare;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.corpus.DocumentHash;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class HashIndexTest {

  @Test
  void firstOfEqualDocumentsStaysWhateverTheOrderOfTheBlocks() {
    long seed = System.nanoTime();
    System.out.println("HashIndexTest seed " + seed);
    Random random = new Random(seed);
    List<byte[]> entries = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    Set<Long> expected = new HashSet<>();
    long expectedBytes = 0;
    for (int i = 0; i < 2000; i++) {
      String text = "text " + random.nextInt(500);
      long position = DocumentPosition.of(i / 100, i % 100);
      entries.add(entry(text, position));
      if (!seen.add(text)) {
        expected.add(position);
        expectedBytes += text.length();
      }
    }
    Collections.shuffle(entries, random);

    HashIndex index = new HashIndex();
    entries.forEach(index::add);
    Duplicates duplicates = index.duplicates();
    assertThat(duplicates.count()).isEqualTo(expected.size());
    assertThat(duplicates.textBytes()).isEqualTo(expectedBytes);
    for (int i = 0; i < 2000; i++) {
      long position = DocumentPosition.of(i / 100, i % 100);
      assertThat(duplicates.contains(position)).isEqualTo(expected.contains(position));
    }
  }

  private static byte[] entry(String text, long position) {
    ByteBuffer entry = ByteBuffer.allocate(HashIndex.ENTRY_BYTES);
    HashIndex.write(
        entry,
        new ReadDocument(
            position, DocumentHash.of(text), text.getBytes(StandardCharsets.UTF_8), "", false));
    return entry.array();
  }
}
