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
    TextStream text = new TextStream(tokenizer::decode, prompt[prompt.length - 1], sink);
    Sampler sampler = new Sampler(plan.sampling());
    sampler.see(prompt);
    long room = Decoder.longestSequence(model) - prompt.length;
    try (Decoder decoder = Decoder.start(model)) {
      long begun = System.nanoTime();
      float[] logits = decoder.advance(prompt);
      long prefilled = System.nanoTime();
      int generated = 0;
      int steps = 0;
      Stop stop;
      while (true) {
        int id = sampler.next(choice(logits));
        if (id == endOfText) {
          stop = Stop.END_OF_TEXT;
          break;
        }
        text.add(id);
        generated++;
        if (generated == plan.maxTokens()) {
          stop = Stop.MAX_TOKENS;
          break;
        }
        if (steps == room) {
          stop = Stop.LONGEST_SEQUENCE;
          break;
        }
        logits = decoder.advance(id);
        steps++;
      }
      text.finish();
      return new GenerationResult(
          prompt.length,
          generated,
          seconds(begun, prefilled),
          steps,
          seconds(prefilled, System.nanoTime()),
          decoder.bytes(),
          stop);
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
  private float[] choice(float[] logits) {
    float[] known = Arrays.copyOf(logits, tokenizer.vocabularySize());
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
