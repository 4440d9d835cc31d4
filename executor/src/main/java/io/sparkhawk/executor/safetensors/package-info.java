/**
 * Reading and writing safetensors files: named tensors behind a JSON header, mapped into memory
 * without a copy. Bytes only; no tensor engine.
 */
package io.sparkhawk.executor.safetensors;
