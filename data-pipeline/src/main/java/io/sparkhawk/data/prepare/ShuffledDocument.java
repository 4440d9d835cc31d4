package io.sparkhawk.data.prepare;

import java.io.Serializable;

/** A document on its way to its shard: the text in UTF-8, and the source. */
@SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
record ShuffledDocument(byte[] text, String source) implements Serializable {}
