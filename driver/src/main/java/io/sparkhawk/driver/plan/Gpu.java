package io.sparkhawk.driver.plan;

import java.util.Arrays;
import java.util.Optional;

/**
 * Kinds of GPUs that can be planned for. Rates are those of the makers' data sheets, of matrix
 * products in bfloat16 without sparsity; bytes are what a process sees.
 */
public enum Gpu {
  H100("h100", "NVIDIA H100 80GB", 989e12, 79.1, 3.35e12, Link.NVLINK_4),
  H200("h200", "NVIDIA H200 141GB", 989e12, 139.8, 4.8e12, Link.NVLINK_4),
  A100("a100", "NVIDIA A100 80GB", 312e12, 79.1, 2.04e12, Link.NVLINK_3),
  A100_40("a100-40gb", "NVIDIA A100 40GB", 312e12, 39.4, 1.56e12, Link.NVLINK_3),
  L40S("l40s", "NVIDIA L40S 48GB", 362e12, 44.4, 0.864e12, Link.PCIE_4),
  L4("l4", "NVIDIA L4 24GB", 121e12, 22.0, 0.3e12, Link.PCIE_4);

  private final String id;
  private final String label;
  private final double peakFlops;
  private final double memoryGib;
  private final double memoryBandwidth;
  private final Link link;

  Gpu(
      String id,
      String label,
      double peakFlops,
      double memoryGib,
      double memoryBandwidth,
      Link link) {
    this.id = id;
    this.label = label;
    this.peakFlops = peakFlops;
    this.memoryGib = memoryGib;
    this.memoryBandwidth = memoryBandwidth;
    this.link = link;
  }

  /** The kind of that name on the command line. */
  public static Optional<Gpu> named(String id) {
    return Arrays.stream(values()).filter(gpu -> gpu.id.equals(id)).findFirst();
  }

  /** The name on the command line. */
  public String id() {
    return id;
  }

  /** The name for people. */
  public String label() {
    return label;
  }

  /** Floating-point operations per second. */
  double peakFlops() {
    return peakFlops;
  }

  /** Bytes of its memory. */
  long memoryBytes() {
    return Math.round(memoryGib * (1L << 30));
  }

  /** Bytes per second of its memory. */
  double memoryBandwidth() {
    return memoryBandwidth;
  }

  /** How the GPUs of one host are connected. */
  Link link() {
    return link;
  }
}
