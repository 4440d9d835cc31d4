/** What lies in a storage: runs with their checkpoints, and data sets with their shards. */
package io.sparkhawk.driver.inspect;
