/**
 * Models as chains of blocks: the Phi teacher, the Phi-Mamba student, their mixers, initialisation
 * and files. No losses.
 */
package io.sparkhawk.executor.model;
