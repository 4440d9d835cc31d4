/**
 * The body of one barrier task: joins the coordinator, builds the collective, runs the work and
 * reports how it went. It wires rooms together and has no logic of its own; the only package of the
 * executor that sees Spark.
 */
package io.sparkhawk.executor.worker;
