package io.sparkhawk.driver.retrain;

/**
 * What a round trains on.
 *
 * @param folder of the data set
 * @param newTokens of what is new to the round
 * @param carriedTokens of rounds that were not promoted
 * @param replayTokens of rounds before
 * @param replayShards shards that these are in
 * @param replayShare their share of all tokens
 * @param unfit rounds before that were prepared with other settings, of which nothing can be taken
 * @param heldOutTokens of the held-out rows
 * @param heldOutSha256 checksum of the held-out rows
 */
public record RoundData(
    String folder,
    long newTokens,
    long carriedTokens,
    long replayTokens,
    int replayShards,
    double replayShare,
    int unfit,
    long heldOutTokens,
    String heldOutSha256) {

  long trainTokens() {
    return newTokens + carriedTokens + replayTokens;
  }
}
