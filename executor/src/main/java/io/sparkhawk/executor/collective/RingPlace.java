package io.sparkhawk.executor.collective;

import java.io.Serializable;
import java.util.List;

/**
 * The place of one process in the ring of one generation, as the rendezvous assigns it.
 *
 * @param generation identifies this start of the workers; larger than that of every earlier start
 * @param rank this process's place, from 0
 * @param addresses {@code host:port} of each rank's {@link RingListener}, in rank order
 */
public record RingPlace(long generation, int rank, List<String> addresses) implements Serializable {

  public RingPlace {
    addresses = List.copyOf(addresses);
    if (rank < 0 || rank >= addresses.size()) {
      throw new IllegalArgumentException(
          "rank %d is not one of %d ranks".formatted(rank, addresses.size()));
    }
  }

  /** The number of ranks. */
  public int worldSize() {
    return addresses.size();
  }

  int next() {
    return (rank + 1) % worldSize();
  }

  int previous() {
    return (rank + worldSize() - 1) % worldSize();
  }

  /** How messages name a rank: its number and where it listened. */
  String nameOf(int anyRank) {
    return "rank %d (%s)".formatted(anyRank, addresses.get(anyRank));
  }
}
