/**
 * Reading and publishing files on any Hadoop file system: a file is complete or it is not there.
 */
package io.sparkhawk.data.storage;
