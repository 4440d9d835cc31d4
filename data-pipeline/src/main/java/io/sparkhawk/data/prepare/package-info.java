/** The Spark job that makes a data set folder of a corpus; the only package that sees Spark. */
package io.sparkhawk.data.prepare;
