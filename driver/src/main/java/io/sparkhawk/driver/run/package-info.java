/**
 * A run on the driver's side: its plan made from its configuration, its folder and who holds it,
 * and what the console hears of it.
 */
package io.sparkhawk.driver.run;
