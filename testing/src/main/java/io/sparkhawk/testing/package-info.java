/**
 * Test help that several modules share: an S3 server, a network that fails when told to, damaged
 * inputs, and a browser.
 */
package io.sparkhawk.testing;
