package io.sparkhawk.driver.plan;

/**
 * What connects GPUs. Between hosts, all GPUs of a host share its link, which a ring over all GPUs
 * crosses once in each direction.
 */
enum Link {
  /** Its share was measured between two H100s (docs/scaling.md). */
  NVLINK_4("NVLink", 450e9, 0.68, 3e-6),
  NVLINK_3("NVLink", 300e9, Link.ASSUMED, 3e-6),
  PCIE_4("PCIe 4", 32e9, Link.ASSUMED, 5e-6),
  NET_400G("400G", 50e9, Link.ASSUMED, 10e-6),
  NET_25G("25G", 3.125e9, Link.ASSUMED, 20e-6);

  /** GPUs of one host. */
  static final int HOST = 8;

  /** The share of a link's nominal rate that a ring reaches, where it was not measured. */
  private static final double ASSUMED = 0.8;

  private final String label;
  private final double bytesPerSecond;
  private final double hopSeconds;

  Link(String label, double nominal, double reached, double hopSeconds) {
    this.label = label;
    this.bytesPerSecond = reached * nominal;
    this.hopSeconds = hopSeconds;
  }

  String label() {
    return label;
  }

  /**
   * Seconds in which each GPU of a ring sends so many bytes.
   *
   * @param within the link inside each host, which the ring uses too
   * @param hops steps of the ring, each of which waits for the one before
   */
  double seconds(double bytes, double hops, Link within) {
    double slower = Math.min(bytesPerSecond, within.bytesPerSecond);
    double hop = ((HOST - 1) * within.hopSeconds + hopSeconds) / HOST;
    return bytes / slower + hops * hop;
  }
}
