package io.sparkhawk.data.shard;

/**
 * One shard of a split, as the manifest names it.
 *
 * @param file name within the data set folder
 * @param rows rows in it
 * @param tokens ids in it: rows times row length
 * @param bytes size of the file
 * @param sha256 checksum of the file
 */
public record ShardEntry(String file, long rows, long tokens, long bytes, String sha256) {}
