package io.sparkhawk.data.setting;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Documents one component of a settings record. The configuration reader, the {@code --help} texts
 * and the reference page are all made from it, so a setting is described in one place.
 *
 * <p>In YAML a component {@code batchTokens} is written {@code batch-tokens}.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.RECORD_COMPONENT, ElementType.METHOD})
public @interface Setting {

  /** Marks a setting that has no default. */
  String REQUIRED = "\0required";

  /** What the setting does, with its unit. One or two sentences, no markup. */
  String value();

  /** The default as it would be written in YAML; {@link #REQUIRED} if there is none. */
  String defaultValue() default REQUIRED;

  /** Smallest allowed number, inclusive. */
  double min() default Double.NEGATIVE_INFINITY;

  /** Largest allowed number, inclusive. */
  double max() default Double.POSITIVE_INFINITY;
}
