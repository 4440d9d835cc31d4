/** From text to token ids with the tokenizer of a Hugging Face model folder. */
package io.sparkhawk.data.token;
