package io.sparkhawk.executor.worker;

import io.sparkhawk.executor.collective.Collective;
import io.sparkhawk.executor.collective.RingListener;
import io.sparkhawk.executor.collective.RingPlace;
import java.time.Duration;

/** Opens the ring over TCP, which also brings GPUs together; a single worker gets no ring. */
public record TcpRingOpener() implements CollectiveOpener {

  @Override
  public Listening listen(String host) {
    RingListener listener = RingListener.open(host);
    return new Listening() {

      @Override
      public String address() {
        return listener.address();
      }

      @Override
      public Collective connect(Place place, Duration timeout) {
        RingPlace ringPlace = new RingPlace(place.number(), place.rank(), place.peers());
        return listener.join(ringPlace, place.secret(), timeout);
      }

      @Override
      public void close() {
        listener.close();
      }
    };
  }
}
