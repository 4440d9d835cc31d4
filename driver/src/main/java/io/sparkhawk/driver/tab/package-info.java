/**
 * The run's page in Spark's web interface: events on Spark's listener bus, the bounded view that
 * they are folded into, and the tab that shows it, of a running application and in Spark's history
 * server. The only room that touches what Spark keeps to itself.
 */
package io.sparkhawk.driver.tab;
