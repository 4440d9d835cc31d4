package io.sparkhawk.executor.compare;

import io.sparkhawk.executor.generate.GenerationPlan;
import io.sparkhawk.executor.generate.GenerationResult;
import io.sparkhawk.executor.generate.GenerationTask;
import io.sparkhawk.executor.generate.SamplingSettings;
import io.sparkhawk.executor.model.LanguageModel;
import java.util.List;

/** Lets teacher and student continue the same beginnings. */
final class Continuations {

  /** The most likely token at every step. */
  private static final SamplingSettings GREEDY = new SamplingSettings(0, 1, 1, 0);

  private final ComparisonPlan plan;
  private final LanguageModel teacher;
  private final LanguageModel student;
  private final Texts texts;

  Continuations(ComparisonPlan plan, LanguageModel teacher, LanguageModel student, Texts texts) {
    this.plan = plan;
    this.teacher = teacher;
    this.student = student;
    this.texts = texts;
  }

  /** What both write after each of the prompts, in their order. */
  List<TextPair> of(List<String> prompts) {
    return prompts.stream()
        .map(
            prompt ->
                new TextPair(
                    prompt,
                    written(teacher, plan.teacherFolder(), prompt),
                    written(student, plan.studentFolder(), prompt)))
        .toList();
  }

  private String written(LanguageModel model, String folder, String prompt) {
    StringBuilder text = new StringBuilder();
    GenerationPlan generation =
        new GenerationPlan(
            folder,
            prompt,
            plan.choice().continuationTokens(),
            GREEDY,
            texts.endOfText(),
            plan.device(),
            plan.elementType(),
            plan.localCache(),
            plan.threadsPerWorker());
    GenerationResult unused =
        GenerationTask.run(generation, model, texts.tokenizer(), text::append);
    return text.toString();
  }
}
