package io.sparkhawk.driver.cli;

import io.sparkhawk.executor.stage.StageKind;
import java.util.Arrays;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a stage's name as the configuration file writes it. */
final class StageChoice implements ITypeConverter<StageKind> {

  @Override
  public StageKind convert(String name) {
    return Arrays.stream(StageKind.values())
        .filter(stage -> name(stage).equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "'" + name + "' is not a stage; the stages are matrix, hidden and distill"));
  }

  static String name(StageKind stage) {
    return stage.name().toLowerCase(Locale.ROOT);
  }
}
