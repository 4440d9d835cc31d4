package io.sparkhawk.executor.compare;

import java.io.Serializable;
import java.util.List;

/**
 * Teacher and student side by side.
 *
 * @param tokens the tokens of the text that the matrices are on, as text; as many as a matrix has
 *     rows
 * @param matrices attention maps with the student's matrices, by block and head
 * @param continuations what both write after the same beginnings; empty if there is no tokenizer
 */
public record ModelComparison(
    List<String> tokens, List<MatrixPair> matrices, List<TextPair> continuations)
    implements Serializable {

  public ModelComparison {
    tokens = List.copyOf(tokens);
    matrices = List.copyOf(matrices);
    continuations = List.copyOf(continuations);
  }
}
