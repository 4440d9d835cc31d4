/**
 * Teacher and student side by side on one text: mixing matrices as pictures, and what each writes.
 */
package io.sparkhawk.executor.compare;
