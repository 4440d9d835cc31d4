package io.sparkhawk.data.corpus;

import java.io.Serializable;

/**
 * Cuts over-long documents: the first {@code maxCharacters} UTF-16 units are kept, one less where
 * the cut would part a surrogate pair.
 */
public record LengthLimit(int maxCharacters) implements Serializable {

  public boolean exceededBy(String text) {
    return text.length() > maxCharacters;
  }

  public String cut(String text) {
    if (!exceededBy(text)) {
      return text;
    }
    boolean partsPair =
        Character.isHighSurrogate(text.charAt(maxCharacters - 1))
            && Character.isLowSurrogate(text.charAt(maxCharacters));
    return text.substring(0, partsPair ? maxCharacters - 1 : maxCharacters);
  }
}
