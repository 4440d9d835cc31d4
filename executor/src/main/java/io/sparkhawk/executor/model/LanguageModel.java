package io.sparkhawk.executor.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Operators;
import java.util.List;
import java.util.stream.Stream;

/**
 * A causal language model as a chain: embedding, blocks, final norm, head. Teacher and student are
 * both one; they differ in mixers and names. The model owns its tensors.
 */
public final class LanguageModel implements AutoCloseable {

  private final NDManager manager;
  private final ElementType type;
  private final Parameter embedding;
  private final List<Block> blocks;
  private final LayerNorm finalNorm;
  private final Linear head;

  LanguageModel(
      NDManager manager,
      ElementType type,
      Parameter embedding,
      List<Block> blocks,
      LayerNorm finalNorm,
      Linear head) {
    this.manager = manager;
    this.type = type;
    this.embedding = embedding;
    this.blocks = List.copyOf(blocks);
    this.finalNorm = finalNorm;
    this.head = head;
  }

  /** Hidden states that enter the first block: ids (batch, length) to (batch, length, width). */
  public NDArray embed(NDArray ids) {
    return Operators.embedding(embedding.value(), ids);
  }

  /** Hidden states after the last block, without the final norm: (batch, length, width). */
  public NDArray hidden(NDArray ids) {
    NDArray hidden = embed(ids);
    for (Block block : blocks) {
      hidden = Scoped.call(block::forward, hidden);
    }
    return hidden;
  }

  public NDManager manager() {
    return manager;
  }

  public ElementType elementType() {
    return type;
  }

  public Parameter embedding() {
    return embedding;
  }

  public List<Block> blocks() {
    return blocks;
  }

  public LayerNorm finalNorm() {
    return finalNorm;
  }

  public Linear head() {
    return head;
  }

  public long vocabulary() {
    return embedding.shape().get(0);
  }

  public int width() {
    return (int) embedding.shape().get(1);
  }

  /** All weights in the order of the chain; a tied head's weight appears once, as the embedding. */
  public List<Parameter> parameters() {
    return Stream.of(
            Stream.of(embedding),
            blocks.stream().flatMap(block -> block.parameters().stream()),
            finalNorm.parameters().stream(),
            head.parameters().stream())
        .flatMap(s -> s)
        .distinct()
        .toList();
  }

  @Override
  public void close() {
    manager.close();
  }
}
