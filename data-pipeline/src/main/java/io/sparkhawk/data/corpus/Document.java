package io.sparkhawk.data.corpus;

/**
 * One document as it was read.
 *
 * @param source where it comes from, for counts; empty if the file does not say
 */
public record Document(String text, String source) {}
