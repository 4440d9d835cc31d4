package io.sparkhawk.executor.evaluate;

import io.sparkhawk.data.error.DataException;
import java.util.Arrays;
import java.util.function.Function;
import java.util.function.IntSupplier;

/**
 * Turns requests into token ids as the lm-evaluation-harness does for causal models ({@code
 * TemplateLM._encode_pair} and {@code HFLM._loglikelihood_tokens}): context and continuation are
 * encoded together, and the ids beyond those of the context alone are the continuation. Whitespace
 * at the context's end goes with the continuation. What is too long loses its beginning.
 */
final class RequestEncoder {

  private final Function<String, int[]> tokenizer;
  private final IntSupplier emptyContext;
  private final int maxLength;

  /**
   * @param tokenizer text to ids, without special tokens
   * @param emptyContext the id that stands for an empty context; asked only if there is one
   * @param maxLength most ids that a model reads at once
   */
  RequestEncoder(Function<String, int[]> tokenizer, IntSupplier emptyContext, int maxLength) {
    this.tokenizer = tokenizer;
    this.emptyContext = emptyContext;
    this.maxLength = maxLength;
  }

  /**
   * Encodes a request.
   *
   * @param place where the request comes from, for messages
   * @throws DataException if the continuation has no ids, or more than fit
   */
  EncodedRequest encode(Request request, String place) {
    int end = Whitespace.lengthWithoutTrailing(request.context());
    String context = request.context().substring(0, end);
    String continuation = request.context().substring(end) + request.continuation();
    int[] whole = tokenizer.apply(context + continuation);
    int first = context.isEmpty() ? 0 : tokenizer.apply(context).length;
    if (first >= whole.length) {
      throw new DataException(
          place + " has an answer that adds no token to its context. Correct the line.");
    }
    if (first == 0) {
      // The model needs something to predict the first token from.
      int[] after = whole;
      whole = new int[after.length + 1];
      whole[0] = emptyContext.getAsInt();
      System.arraycopy(after, 0, whole, 1, after.length);
      first = 1;
    }
    return shortened(whole, whole.length - first, place);
  }

  private EncodedRequest shortened(int[] ids, int continuation, String place) {
    if (continuation > maxLength) {
      throw new DataException(
          String.format(
              "%s has an answer of %d tokens, but the model reads %d at once. Shorten the answer,"
                  + " or raise max-length if the model allows it.",
              place, continuation, maxLength));
    }
    int tooMany = Math.max(0, ids.length - (maxLength + 1));
    return new EncodedRequest(
        Arrays.copyOfRange(ids, tooMany, ids.length), continuation, tooMany > 0);
  }
}
