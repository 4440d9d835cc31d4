package io.sparkhawk.driver.plan;

import io.sparkhawk.driver.config.RunConfig;
import io.sparkhawk.driver.plan.RunPlan.Assumptions;
import io.sparkhawk.driver.plan.RunPlan.Exchange;
import io.sparkhawk.driver.plan.RunPlan.Memory;
import io.sparkhawk.driver.plan.RunPlan.Scaling;
import io.sparkhawk.driver.plan.RunPlan.Speed;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.GradientType;
import io.sparkhawk.executor.train.MemoryPlan;
import io.sparkhawk.executor.train.ParallelSettings;
import io.sparkhawk.executor.train.StageSizes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Memory, speed and traffic of one stage. */
final class StageForecast {

  private static final ElementType TYPE = ElementType.BFLOAT16;
  private static final List<Link> NETWORKS = List.of(Link.NET_400G, Link.NET_25G);
  private static final int MOST_GPUS = 512;

  private final StageSizes sizes;
  private final Gpu gpu;
  private final int gpus;
  private final ParallelSettings parallel;
  private final PassTime passes;
  private final StepModel model;
  private final int sequences;
  private final int microBatch;

  private StageForecast(
      StageSizes sizes, Gpu gpu, int gpus, ParallelSettings wanted, PassTime passes) {
    this.sizes = sizes;
    this.gpu = gpu;
    this.gpus = gpus;
    this.passes = passes;
    this.sequences = globalSequences() / gpus;
    this.microBatch = atOnce(sequences);
    this.parallel = microBatch < sequences ? withWideGradients(wanted) : wanted;
    this.model = new StepModel(sizes, passes, parallel, gpu.link());
  }

  /** Those of several micro-batches are added up in float32 whatever is wanted. */
  private static ParallelSettings withWideGradients(ParallelSettings wanted) {
    return new ParallelSettings(wanted.sharding(), GradientType.FLOAT32);
  }

  static StageForecast of(StageSizes sizes, RunConfig config, Assumptions assumptions) {
    return new StageForecast(
        sizes,
        assumptions.gpu(),
        config.workers(),
        ParallelSettings.of(config.shardOptimizer(), config.gradientType()),
        PassTime.of(sizes, assumptions.gpu(), TYPE, assumptions.utilisation()));
  }

  private int globalSequences() {
    return (int) (sizes.stage().batchTokens() / sizes.length());
  }

  private int atOnce(int share) {
    int given = sizes.stage().microBatch();
    return given == 0 ? share : Math.min(given, share);
  }

  /** Of an update on each GPU. */
  int sequences() {
    return sequences;
  }

  /** Sequences that are computed at once. */
  int microBatch() {
    return microBatch;
  }

  Memory memory() {
    MemoryPlan plan = sizes.memory(microBatch, TYPE, gpus, parallel);
    Map<String, Long> parts = new LinkedHashMap<>();
    plan.bytes().forEach((part, bytes) -> parts.put(part.label(), bytes));
    long available = gpu.memoryBytes();
    boolean fits = plan.needed() <= available;
    String advice = fits ? "" : sizes.whatFits(microBatch, TYPE, gpus, parallel, available);
    return new Memory(parts, plan.total(), available, fits, advice);
  }

  /** Up to a host's GPUs by its own link, more through 400G networks. */
  private Link link(int count, Link network) {
    return count <= Link.HOST ? gpu.link() : network;
  }

  Speed speed() {
    Link link = link(gpus, Link.NET_400G);
    StepModel.Step step = model.step(gpus, sequences, microBatch, link);
    double tokens = (double) sequences * sizes.length();
    double each = tokens / step.seconds();
    return new Speed(
        passes.source(microBatch).name().toLowerCase(Locale.ROOT),
        gpus * each,
        tokens / model.step(1, sequences, microBatch, link).seconds(),
        each * sizes.flopsPerToken() / gpu.peakFlops(),
        step.seconds(),
        step.exposed());
  }

  Exchange exchange() {
    Traffic traffic = model.traffic(gpus);
    Map<String, Double> seconds = new LinkedHashMap<>();
    for (Link link : List.of(gpu.link(), Link.NET_400G, Link.NET_25G)) {
      seconds.put(
          link.label(),
          traffic.gradientSeconds(link, gpu.link()) + traffic.weightSeconds(link, gpu.link()));
    }
    return new Exchange(
        gpus > 1 && parallel.shardsWithNccl(),
        traffic.gradientBytes(),
        traffic.weightBytes(),
        seconds);
  }

  /** On 1, 2, 4 and so on GPUs; more than a host has, over each network. */
  List<Scaling> scaling() {
    List<Scaling> rows = new ArrayList<>();
    for (int count = 1; count <= MOST_GPUS; count *= 2) {
      for (Link network : count <= Link.HOST ? List.of(gpu.link()) : NETWORKS) {
        rows.add(scaling(count, network));
      }
    }
    return rows;
  }

  private Scaling scaling(int count, Link link) {
    double tokens = (double) sequences * sizes.length();
    double seconds = model.step(count, sequences, microBatch, link).seconds();
    boolean shared = globalSequences() % count == 0;
    Double sameBatch = shared ? (Double) sameBatchSeconds(count, link) : null;
    double alone = sameBatchSeconds(1, link);
    return new Scaling(
        count,
        count == 1 ? "" : link.label(),
        count * tokens / seconds,
        model.efficiency(count, sequences, microBatch, link),
        shared ? (Double) (sizes.stage().batchTokens() / sameBatch) : null,
        shared ? (Double) (alone / (count * sameBatch)) : null,
        orNull(model.hidesFrom(count, link)),
        count == 1 ? null : orNull(model.nearlyAllFrom(count, microBatch, link)));
  }

  private double sameBatchSeconds(int count, Link link) {
    int share = globalSequences() / count;
    return model.step(count, share, atOnce(share), link).seconds();
  }

  private static Integer orNull(int number) {
    return number == 0 ? null : (Integer) number;
  }
}
