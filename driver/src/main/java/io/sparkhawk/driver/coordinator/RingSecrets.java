package io.sparkhawk.driver.coordinator;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.function.Supplier;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Makes the secrets that the workers of a generation prove to each other that they know.
 *
 * <p>Each is 32 fresh random bytes, keyed with the application's own secret ({@code
 * spark.authenticate}) where there is one. They travel over Spark's RPC, which encrypts them where
 * Spark's encryption is on, and are never logged.
 */
final class RingSecrets implements Supplier<byte[]> {

  private static final String ALGORITHM = "HmacSHA256";

  private final SecureRandom random = new SecureRandom();
  private final Optional<byte[]> applicationSecret;

  RingSecrets(Optional<String> applicationSecret) {
    this.applicationSecret =
        applicationSecret.map(secret -> secret.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public byte[] get() {
    byte[] nonce = new byte[32];
    random.nextBytes(nonce);
    return applicationSecret.map(key -> mac(key, nonce)).orElse(nonce);
  }

  private static byte[] mac(byte[] key, byte[] message) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(new SecretKeySpec(key, ALGORITHM));
      return mac.doFinal(message);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has " + ALGORITHM, e);
    }
  }
}
