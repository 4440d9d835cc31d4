/**
 * Writes text with a model: recurrent decoding, the choice of each next token, text as it comes. No
 * mathematics of the mixers.
 */
package io.sparkhawk.executor.generate;
