/** Which students were in production, in what order, and where each of them came from. */
package io.sparkhawk.driver.registry;
