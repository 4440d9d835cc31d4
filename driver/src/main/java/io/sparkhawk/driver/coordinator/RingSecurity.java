package io.sparkhawk.driver.coordinator;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SparkConf;

/**
 * What protects the gradients between the workers of an application, and whether that is enough.
 *
 * <p>Workers prove to each other that they know the generation's secret, but what they send is
 * plain. The secret itself comes over Spark's RPC.
 *
 * @param plainAllowed whether the user allows gradients to travel unencrypted between hosts
 * @param secretProtected whether Spark's RPC authenticates and encrypts
 */
public record RingSecurity(boolean plainAllowed, boolean secretProtected) {

  /** Spark setting: whether gradients may travel unencrypted between hosts. */
  public static final String ALLOW_PLAIN = "spark.sparkhawk.security.allowUnencryptedGradients";

  static RingSecurity of(SparkConf conf) {
    return new RingSecurity(
        conf.getBoolean(ALLOW_PLAIN, false),
        conf.getBoolean("spark.authenticate", false)
            && (conf.getBoolean("spark.network.crypto.enabled", false)
                || conf.getBoolean("spark.authenticate.enableSaslEncryption", false)
                || conf.getBoolean("spark.ssl.rpc.enabled", false)));
  }

  /**
   * Why workers at these places must not start; empty if they may.
   *
   * @param addresses {@code host:port} of each
   */
  Optional<String> objection(Collection<String> addresses) {
    List<String> hosts = hosts(addresses);
    return hosts.size() < 2 || plainAllowed
        ? Optional.empty()
        : Optional.of(
            "The workers are on the hosts %s, and gradients between them would travel unencrypted. Set security.allow-unencrypted-gradients to true if this network is trusted or encrypts by itself, or use workers on one host."
                .formatted(String.join(", ", hosts)));
  }

  /** What the user should know of workers that start at these places; empty if all is well. */
  Optional<String> warning(Collection<String> addresses) {
    List<String> hosts = hosts(addresses);
    if (hosts.size() < 2) {
      return Optional.empty();
    }
    String secret =
        secretProtected
            ? ""
            : " The secret by which the workers know each other travels in the clear as well: turn"
                + " on spark.authenticate and spark.network.crypto.enabled.";
    return Optional.of(
        "Gradients travel unencrypted between the hosts %s, as security.allow-unencrypted-gradients allows.%s"
            .formatted(String.join(", ", hosts), secret));
  }

  /** Names of hosts, in order; what stays on one host does not reach a network. */
  private static List<String> hosts(Collection<String> addresses) {
    return addresses.stream()
        .map(address -> address.substring(0, Math.max(0, address.lastIndexOf(':'))))
        .distinct()
        .sorted()
        .toList();
  }
}
