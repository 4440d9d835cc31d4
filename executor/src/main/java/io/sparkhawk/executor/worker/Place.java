package io.sparkhawk.executor.worker;

import java.io.Serializable;
import java.util.List;

/** A worker's place among the workers of a generation, known once all have joined. */
public final class Place implements Serializable {

  private final GenerationId generation;
  private final long number;
  private final int rank;
  private final List<String> peers;
  private final byte[] secret;

  /**
   * @param number counts the generations of the application
   * @param rank this worker's rank, from 0
   * @param peers addresses ({@code host:port}) of all workers, this one's included, by rank
   * @param secret what the workers of the generation prove to each other that they know
   */
  public Place(GenerationId generation, long number, int rank, List<String> peers, byte[] secret) {
    this.generation = generation;
    this.number = number;
    this.rank = rank;
    this.peers = List.copyOf(peers);
    this.secret = secret.clone();
  }

  /** The generation that the place is in. */
  public GenerationId generation() {
    return generation;
  }

  /** Larger than that of every earlier generation of the application. */
  public long number() {
    return number;
  }

  /** This worker's rank, from 0. */
  public int rank() {
    return rank;
  }

  /** The number of workers. */
  public int worldSize() {
    return peers.size();
  }

  /** Addresses ({@code host:port}) of all workers, by rank. */
  public List<String> peers() {
    return peers;
  }

  /** What the workers of the generation prove to each other that they know. */
  public byte[] secret() {
    return secret.clone();
  }

  /** Without the secret. */
  @Override
  public String toString() {
    return "rank " + rank + " of " + peers.size() + " (" + generation + ")";
  }
}
