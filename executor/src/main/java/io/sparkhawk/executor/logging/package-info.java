/**
 * Log lines as JSON, each with the place in the run at which its process is. Which lines there are
 * is for the rooms that write them.
 */
package io.sparkhawk.executor.logging;
