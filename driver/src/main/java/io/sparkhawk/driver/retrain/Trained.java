package io.sparkhawk.driver.retrain;

/**
 * What the training of a round came to.
 *
 * @param student folder of the student
 * @param tokens tokens trained on
 * @param seconds of training, without start-up and evaluation, over all sessions
 * @param lostSeconds of training that restarts threw away
 * @param workers processes that trained together
 * @param teacherSha256 checksum of the teacher's configuration and weights
 */
public record Trained(
    String student,
    long tokens,
    double seconds,
    double lostSeconds,
    int workers,
    String teacherSha256) {}
