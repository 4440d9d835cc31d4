package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;
import static io.sparkhawk.driver.progress.Figures.measure;

import io.sparkhawk.executor.compare.MatrixPair;
import io.sparkhawk.executor.compare.ModelComparison;
import io.sparkhawk.executor.compare.TextPair;
import java.util.List;
import java.util.Optional;

/** Teacher and student side by side: what they write, and the matrices that they mix with. */
final class SideBySideSection {

  private final Optional<ModelComparison> comparison;

  SideBySideSection(Optional<ModelComparison> comparison) {
    this.comparison = comparison;
  }

  /** What both write after the same beginnings. */
  String continuations() {
    List<TextPair> pairs = comparison.map(ModelComparison::continuations).orElse(List.of());
    if (pairs.isEmpty()) {
      return Html.none("No continuations were written in this run.");
    }
    StringBuilder html = new StringBuilder("<div class=\"continuations\">");
    for (TextPair pair : pairs) {
      html.append(
          """
          <article class="continuation"><p class="prompt">%s</p><div class="two">\
          <div><h4 class="teacher">Teacher</h4><p class="text">%s</p></div>\
          <div><h4 class="student">Student</h4><p class="text">%s</p></div></div></article>
          """
              .formatted(
                  Html.escape(pair.prompt().strip()),
                  Html.escape(pair.teacher().strip()),
                  Html.escape(pair.student().strip())));
    }
    return html.append("</div>").toString();
  }

  /** Attention maps beside the student's matrices. */
  String matrices() {
    List<MatrixPair> pairs = comparison.map(ModelComparison::matrices).orElse(List.of());
    if (pairs.isEmpty()) {
      return Html.none("No matrices were kept in this run.");
    }
    StringBuilder html = new StringBuilder();
    html.append(
        """
        <p class="scale"><span>−</span><i></i><span>+</span><span>grey is 0; the darkest \
        blue or red is the largest element of the pair, and colours go with the square \
        root</span></p>
        """);
    html.append("<p class=\"axis long\"><output id=\"element\"></output></p><div class=\"maps\">");
    pairs.forEach(pair -> html.append(figure(pair)));
    return html.append("</div>").append(text(comparison.orElseThrow().tokens())).toString();
  }

  private static String figure(MatrixPair pair) {
    String place = "block %d, head %d".formatted(pair.block(), pair.head());
    return """
        <figure class="pair"><div class="two">%s%s</div>\
        <figcaption><b>%s</b><span>distance %s</span></figcaption></figure>
        """
        .formatted(
            map("Teacher", "attention map of the teacher, " + place, pair.teacher()),
            map("Student", "matrix of the student, " + place, pair.student()),
            Html.escape(place),
            measure(pair.distance()));
  }

  private static String map(String model, String alt, String png) {
    return "<div><span>%s</span><img class=\"map\" alt=\"%s\" src=\"data:image/png;base64,%s\"></div>"
        .formatted(model, Html.escape(alt), Html.escape(png));
  }

  /** The text that the matrices are on, token by token. */
  private static String text(List<String> tokens) {
    StringBuilder html = new StringBuilder("<details><summary>The text, ");
    html.append(count(tokens.size())).append(" tokens</summary><p class=\"tokens\">");
    for (String token : tokens) {
      html.append("<span>").append(Html.escape(token)).append("</span><wbr>");
    }
    return html.append("</p></details>").toString();
  }
}
