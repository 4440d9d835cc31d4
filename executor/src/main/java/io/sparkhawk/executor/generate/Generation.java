package io.sparkhawk.executor.generate;

import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.token.Tokenizer;
import io.sparkhawk.executor.generate.GenerationResult.Stop;
import io.sparkhawk.executor.model.LanguageModel;
import java.util.Arrays;
import java.util.function.Consumer;

/** Continues a prompt token by token until the text ends, or may not become longer. */
final class Generation {

  private final LanguageModel model;
  private final Tokenizer tokenizer;
  private final GenerationPlan plan;
  private final int endOfText;

  Generation(LanguageModel model, Tokenizer tokenizer, GenerationPlan plan) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.plan = plan;
    this.endOfText = tokenizer.requireId(plan.endOfText(), "end-of-text");
    tokenizer.requireFits(Math.toIntExact(model.vocabulary()), plan.modelFolder());
  }

  /**
   * Writes the continuation to {@code sink}, piece by piece.
   *
   * @throws ConfigurationException if the prompt is longer than the model's longest sequence
   */
  GenerationResult run(Consumer<String> sink) {
    int[] prompt = prompt();
    Sampler sampler = new Sampler(plan.sampling());
    sampler.see(prompt);
    TextStream text = new TextStream(tokenizer::decode, prompt[prompt.length - 1], sink);
    try (Decoder decoder = Decoder.start(model)) {
      long begun = System.nanoTime();
      float[] logits = decoder.advance(prompt);
      long prefilled = System.nanoTime();
      Continuation written =
          write(decoder, logits, Decoder.longestSequence(model) - prompt.length, sampler, text);
      text.finish();
      return new GenerationResult(
          prompt.length,
          written.tokens,
          seconds(begun, prefilled),
          written.steps,
          seconds(prefilled, System.nanoTime()),
          decoder.bytes(),
          written.stop);
    }
  }

  /**
   * What follows the prompt.
   *
   * @param tokens tokens that were written
   * @param steps those of them that the model took in
   */
  private record Continuation(int tokens, int steps, Stop stop) {}

  /**
   * Chooses, writes and takes in one token after the other.
   *
   * @param logits of the first token
   * @param room the most tokens that can be taken in
   */
  private Continuation write(
      Decoder decoder, float[] logits, long room, Sampler sampler, TextStream text) {
    float[] next = logits;
    for (int steps = 0; ; steps++) {
      int id = sampler.next(known(next));
      if (id == endOfText) {
        return new Continuation(steps, steps, Stop.END_OF_TEXT);
      }
      text.add(id);
      if (steps + 1 == plan.maxTokens()) {
        return new Continuation(steps + 1, steps, Stop.MAX_TOKENS);
      }
      if (steps == room) {
        return new Continuation(steps + 1, steps, Stop.LONGEST_SEQUENCE);
      }
      next = decoder.advance(id);
    }
  }

  /** A document begins after the end of the one before it. */
  private int[] prompt() {
    int[] ids = tokenizer.encode(plan.prompt());
    long longest = Decoder.longestSequence(model);
    if (ids.length > longest) {
      throw new ConfigurationException(
          "The prompt has "
              + ids.length
              + " tokens, but the attention of the model "
              + plan.modelFolder()
              + " takes at most "
              + longest
              + " positions. Shorten the prompt.");
    }
    return ids.length == 0 ? new int[] {endOfText} : ids;
  }

  /** The logits of ids that mean something: a model's vocabulary may be padded. */
  private float[] known(float[] logits) {
    int size = tokenizer.vocabularySize();
    float[] known = logits.length == size ? logits : Arrays.copyOf(logits, size);
    for (float logit : known) {
      if (Float.isNaN(logit)) {
        throw new DataException(
            "The model "
                + plan.modelFolder()
                + " gives logits that are not numbers: its weights are damaged, or it overflows in"
                + " "
                + plan.elementType()
                + ".");
      }
    }
    return known;
  }

  private static double seconds(long from, long to) {
    return (to - from) * 1e-9;
  }
}
