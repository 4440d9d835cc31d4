package io.sparkhawk.driver.plan;

/**
 * How long the sequences of a run are.
 *
 * @param tokens of a row of the data set
 * @param from where that is known from, for people
 */
public record RowLength(int tokens, String from) {}
