package io.sparkhawk.driver.tab;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.spark.ui.UIUtils$;
import org.apache.spark.ui.WebUIPage;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction0;
import scala.xml.Node;
import scala.xml.Unparsed;

/**
 * The page: an empty frame, which its script fills with what {@link Answers} gives. Spark calls
 * {@link #render} on the threads of its web server.
 */
final class RunPage extends WebUIPage {

  private static final String FRAME = read("mohawk.html");

  private final RunTab tab;

  RunPage(RunTab tab) {
    super("");
    this.tab = tab;
  }

  @Override
  public Seq<Node> render(HttpServletRequest request) {
    UIUtils$ frame = UIUtils$.MODULE$;
    String base = frame.prependBaseUri(request, tab.basePath(), "/" + RunTab.PREFIX);
    Unparsed content = new Unparsed(FRAME.replace("${base}", base));
    return frame.headerSparkPage(
        request,
        "MOHAWK",
        new AbstractFunction0<>() {
          @Override
          public Seq<Node> apply() {
            return CollectionConverters.asScala(List.<Node>of(content)).toSeq();
          }
        },
        tab,
        Option.empty(),
        false,
        false,
        false);
  }

  private static String read(String name) {
    try (InputStream file = RunPage.class.getResourceAsStream("static/" + name)) {
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
