package io.sparkhawk.executor.model;

/** Where the weights of a model under construction come from: a file or an initialisation. */
@FunctionalInterface
interface ParameterSource {

  /** The weight called {@code name}, of exactly {@code shape}. */
  Parameter parameter(String name, long... shape);

  /**
   * Says that the model computes these numbers itself. Old files hold them beside the weights; a
   * source that has them checks that they are the same.
   */
  default void derived(String name, float... expected) {}

  /** The weight called {@code name} of a model in which it is the same as {@code original}. */
  default Parameter tied(Parameter original, String name) {
    return original;
  }
}
