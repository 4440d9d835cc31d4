package io.sparkhawk.executor.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import org.junit.jupiter.api.Test;

class RequestEncoderTest {

  private static final int END_OF_TEXT = 999;
  private static final int LY_MERGED = 500;

  /** One id for each character, but one for "ly" together. */
  private static int[] encode(String text) {
    return text.replace("ly", "\u01f4").chars().map(c -> c == '\u01f4' ? LY_MERGED : c).toArray();
  }

  private static EncodedRequest encode(String context, String continuation, int maxLength) {
    return new RequestEncoder(RequestEncoderTest::encode, () -> END_OF_TEXT, maxLength)
        .encode(new Request(context, continuation), "Line 1 of a");
  }

  @Test
  void theContinuationIsWhatTheWholeHasBeyondTheContext() {
    EncodedRequest merged = encode("real", "ly so", 100);
    assertThat(merged.ids()).containsExactly('r', 'e', 'a', 'l', LY_MERGED, ' ', 's', 'o');
    assertThat(merged.continuation()).isEqualTo(4);

    // The l of the context becomes a part of the merged token, which takes its place.
    EncodedRequest acrossTheBoundary = encode("smal", "y so", 100);
    assertThat(acrossTheBoundary.ids()).containsExactly('s', 'm', 'a', LY_MERGED, ' ', 's', 'o');
    assertThat(acrossTheBoundary.continuation()).isEqualTo(3);
  }

  @Test
  void whitespaceAtTheContextsEndGoesWithTheContinuation() {
    assertThat(encode("ab \n", " c", 100).continuation()).isEqualTo(4);
    assertThat(encode("ab\u00a0", " c", 100).continuation()).isEqualTo(3);
  }

  @Test
  void anEmptyContextIsTheEndOfTextToken() {
    EncodedRequest request = encode("", " c", 100);

    assertThat(request.ids()).containsExactly(END_OF_TEXT, ' ', 'c');
    assertThat(request.continuation()).isEqualTo(2);
  }

  @Test
  void aLongContextLosesItsBeginning() {
    EncodedRequest fits = encode("abcd", " e", 5);
    assertThat(fits.truncated()).isFalse();
    assertThat(fits.inputLength()).isEqualTo(5);

    EncodedRequest cut = encode("abcd", " e", 3);
    assertThat(cut.truncated()).isTrue();
    assertThat(cut.ids()).containsExactly('c', 'd', ' ', 'e');
    assertThat(cut.continuation()).isEqualTo(2);
  }

  @Test
  void anAnswerThatDoesNotFitIsRefused() {
    assertThatThrownBy(() -> encode("a", " bcd", 3))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("Line 1 of a has an answer of 4 tokens, but the model reads 3");
  }

  @Test
  void anAnswerWithoutTokensOfItsOwnIsRefused() {
    assertThatThrownBy(() -> encode("al", "y", 100))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("adds no token");
  }
}
