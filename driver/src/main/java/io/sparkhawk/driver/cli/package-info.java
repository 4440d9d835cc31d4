/**
 * The command line: which commands and options there are, their help, and what a failure looks like
 * to the person or the scheduler that started them.
 */
package io.sparkhawk.driver.cli;
