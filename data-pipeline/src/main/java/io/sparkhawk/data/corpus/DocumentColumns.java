package io.sparkhawk.data.corpus;

import java.io.Serializable;

/**
 * The fields or columns of a document.
 *
 * @param text holds the text; must be there
 * @param source names the source, for counts; need not be there
 */
public record DocumentColumns(String text, String source) implements Serializable {}
