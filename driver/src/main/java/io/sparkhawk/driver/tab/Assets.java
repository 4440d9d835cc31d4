package io.sparkhawk.driver.tab;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/**
 * Serves the page's scripts and styles, which lie beside this class. Spark's own handler of files
 * looks for them with its own class loader, which does not know an application's jar.
 */
final class Assets extends HttpServlet {

  private static final long serialVersionUID = 1;

  /** All that there is, with its type: the browser is told not to guess. */
  private static final Map<String, String> TYPES =
      Map.of(
          "mohawk.js", "text/javascript",
          "mohawk.css", "text/css",
          "uPlot.iife.min.js", "text/javascript",
          "uPlot.min.css", "text/css");

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    String path = request.getPathInfo();
    String name = path == null ? "" : path.substring(1);
    String type = TYPES.get(name);
    if (type == null) {
      response.sendError(HttpServletResponse.SC_NOT_FOUND);
      return;
    }
    response.setContentType(type + ";charset=utf-8");
    response.setHeader("Cache-Control", "max-age=3600");
    response.setHeader("X-Content-Type-Options", "nosniff");
    try (InputStream file = Assets.class.getResourceAsStream("static/" + name)) {
      file.transferTo(response.getOutputStream());
    }
  }
}
