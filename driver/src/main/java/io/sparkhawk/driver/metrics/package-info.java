/**
 * What a run counts and measures for a monitoring system: a source of Spark's metrics system, and
 * the page of the driver from which Prometheus scrapes it.
 */
package io.sparkhawk.driver.metrics;
