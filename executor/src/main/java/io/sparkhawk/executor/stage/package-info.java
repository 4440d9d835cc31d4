/**
 * The three stages of MOHAWK: what is compared with the teacher and which weights learn from it. No
 * training loops, no networking.
 */
package io.sparkhawk.executor.stage;
