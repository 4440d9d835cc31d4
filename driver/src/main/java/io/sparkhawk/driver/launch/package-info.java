/**
 * Getting workers and running stages on them: the Spark session, the barrier job, its supervision,
 * and the order of a whole distillation. No tensors.
 */
package io.sparkhawk.driver.launch;
