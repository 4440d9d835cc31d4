package io.sparkhawk.executor.model;

/** Where the weights of a model under construction come from: a file or an initialisation. */
@FunctionalInterface
interface ParameterSource {

  /** The weight called {@code name}, of exactly {@code shape}. */
  Parameter parameter(String name, long... shape);
}
