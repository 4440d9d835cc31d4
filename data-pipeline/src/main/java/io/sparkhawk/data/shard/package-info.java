/**
 * The files of a data set: Arrow shards of equally long rows of token ids, and the manifest that
 * names them.
 */
package io.sparkhawk.data.shard;
