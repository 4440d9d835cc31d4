package io.sparkhawk.executor.generate;

import io.sparkhawk.data.token.Tokenizer;
import io.sparkhawk.executor.model.LanguageModel;
import io.sparkhawk.executor.model.ModelFolder;
import io.sparkhawk.executor.model.Models;
import io.sparkhawk.executor.tensor.LocalDevice;
import io.sparkhawk.executor.tensor.Threads;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;

/** The whole way from a model's folder to text, in the calling thread. */
public final class GenerationTask {

  private static final String TOKENIZER = "tokenizer.json";

  private GenerationTask() {}

  /**
   * Loads the model and writes the continuation of the plan's prompt to {@code sink}, piece by
   * piece as it comes, each piece of whole characters.
   *
   * @param hadoop settings of the file system that the model lies on
   * @throws io.sparkhawk.data.error.SparkhawkException if the folder holds no model with a
   *     tokenizer that fits it, or the prompt is too long for it
   */
  public static GenerationResult run(
      GenerationPlan plan, Configuration hadoop, Consumer<String> sink) {
    Threads.limit(plan.threads());
    Path folder = ModelFolder.local(hadoop, plan.modelFolder(), Path.of(plan.localCache()));
    org.apache.hadoop.fs.Path tokens =
        new org.apache.hadoop.fs.Path(folder.resolve(TOKENIZER).toUri());
    try (Tokenizer tokenizer = Tokenizer.read(hadoop, tokens);
        LanguageModel model =
            Models.load(folder, LocalDevice.of(plan.device()), plan.elementType())) {
      return run(plan, model, tokenizer, sink);
    }
  }

  /**
   * As {@link #run(GenerationPlan, Configuration, Consumer)}, with the model and the tokenizer of
   * the plan's folder that the caller has loaded and closes.
   */
  public static GenerationResult run(
      GenerationPlan plan, LanguageModel model, Tokenizer tokenizer, Consumer<String> sink) {
    return new Generation(model, tokenizer, plan).run(sink);
  }
}
