package io.sparkhawk.executor.compare;

import java.io.Serializable;
import java.util.Objects;

/**
 * One head's attention map and the student's matrix in its place, both on the teacher's hidden
 * state (arXiv 2408.10189, equation 8).
 *
 * @param block number of the block, from 0
 * @param head number of the head, from 0
 * @param distance Frobenius norm of their difference
 * @param teacher the attention map as a picture, a pixel for each element: a PNG file in Base64
 * @param student the student's matrix, likewise and in the same colours
 */
public record MatrixPair(int block, int head, double distance, String teacher, String student)
    implements Serializable {

  public MatrixPair {
    Objects.requireNonNull(teacher, "teacher");
    Objects.requireNonNull(student, "student");
  }
}
