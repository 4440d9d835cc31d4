/**
 * What a person sees of a run while it goes on and what is kept of it: the console's progress line,
 * the log of step metrics and the summary.
 */
package io.sparkhawk.driver.progress;
