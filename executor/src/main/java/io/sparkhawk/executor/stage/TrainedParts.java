package io.sparkhawk.executor.stage;

/** Which of the student's parameters a stage trains. */
public enum TrainedParts {
  /** The mixers that replace attention; MLPs, norms, embedding and head stay as they are. */
  MIXERS,
  /** Everything that the stage's loss reaches. */
  ALL
}
