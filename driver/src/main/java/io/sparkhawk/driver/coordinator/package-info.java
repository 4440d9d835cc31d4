/**
 * How the workers of a run find each other and how the driver sees them: rendezvous, ranks,
 * heartbeats, abort, over the RPC of a Spark plugin. Gradients never pass through here.
 */
package io.sparkhawk.driver.coordinator;
