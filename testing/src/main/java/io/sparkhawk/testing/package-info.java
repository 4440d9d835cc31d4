/** Test help that several modules share: an S3 server, and a network that fails when told to. */
package io.sparkhawk.testing;
