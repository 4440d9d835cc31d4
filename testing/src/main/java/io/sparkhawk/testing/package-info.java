/**
 * Test help that several modules share: an S3 server, a network that fails when told to, and
 * damaged inputs.
 */
package io.sparkhawk.testing;
