/** The operations that DJL lacks, element types and memory scopes. */
package io.sparkhawk.executor.tensor;
