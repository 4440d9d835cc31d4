package io.sparkhawk.driver.tab;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Answers the page, which asks for what is new since a cursor. Not Spark's own JSON of a page: that
 * is parsed and indented on its way.
 */
final class Answers extends HttpServlet {

  private static final long serialVersionUID = 1;

  private final transient UnaryOperator<String> answers;

  /**
   * @param answers gives JSON for a cursor, which is empty for a page that has nothing
   */
  Answers(UnaryOperator<String> answers) {
    this.answers = answers;
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    String since = Optional.ofNullable(request.getParameter("since")).orElse("");
    response.setContentType("application/json;charset=utf-8");
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.getOutputStream().write(answers.apply(since).getBytes(StandardCharsets.UTF_8));
  }
}
