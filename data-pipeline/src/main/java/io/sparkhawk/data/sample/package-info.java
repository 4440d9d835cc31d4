/** Which rows of a data set come when, at any world size, and how they are read. */
package io.sparkhawk.data.sample;
