package io.sparkhawk.driver.cli;

import io.sparkhawk.driver.config.ReferencePage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code sparkhawk reference}: all settings, as a page. */
@Command(
    name = "reference",
    description = "Print the reference of all settings as Markdown.",
    footer = {"", "Example:", "  sparkhawk reference > docs/configuration.md"})
final class ReferenceCommand implements Runnable {

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().getOut().print(ReferencePage.render());
    spec.commandLine().getOut().flush();
  }
}
