package io.sparkhawk.driver.report;

import static io.sparkhawk.driver.progress.Figures.count;
import static io.sparkhawk.driver.progress.Figures.measure;

import io.sparkhawk.driver.progress.Figures;
import io.sparkhawk.driver.progress.FinalEvaluations;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Where on the held-out text teacher and student differ: by position and by source. */
final class ProfileSection {

  private final Optional<FinalEvaluations> heldOut;
  private final ProfileData profile;

  ProfileSection(Optional<FinalEvaluations> heldOut, ProfileData profile) {
    this.heldOut = heldOut;
    this.profile = profile;
  }

  String html() {
    if (heldOut.isEmpty()) {
      return Html.none("The finished student has not been measured.");
    }
    if (profile.positions().isEmpty() && profile.sources().isEmpty()) {
      return Html.none(
          "This run measured where its loss comes from neither by position nor source.");
    }
    return "<p class=\"legend\"><span class=\"teacher\">teacher</span>"
        + "<span class=\"student\">student</span></p><div class=\"columns wide\">"
        + positions()
        + sources()
        + "</div>";
  }

  private String positions() {
    String heading = "<article><h3>By position in the sequence</h3>";
    if (profile.positions().isEmpty()) {
      return heading + Html.none("Not measured.") + "</article>\n";
    }
    return heading
        + "<p class=\"unit\">how well the next token is known, the more was read before it</p>"
        + Html.plot(
            "positions",
            "Perplexity",
            "over the position",
            "",
            "Perplexity of teacher and student by position; numbers in the table below")
        + Html.details(
            Html.table(
                "Perplexity by position, counted from 1",
                List.of("Positions", "Tokens", "Teacher", "Student", "Student / teacher"),
                profile.positions().stream().map(ProfileSection::row).toList()))
        + "</article>\n";
  }

  private static List<String> row(ProfileData.Position position) {
    String name =
        position.first() == position.last()
            ? count(position.first())
            : count(position.first()) + "–" + count(position.last());
    return List.of(
        name,
        count(position.tokens()),
        measure(position.teacher()),
        measure(position.student()),
        ratio(position.student() / position.teacher()));
  }

  private String sources() {
    String heading = "<article><h3>By source of the text</h3>";
    if (profile.sources().isEmpty()) {
      return heading
          + Html.none("The data set does not know which source its held-out text is from.")
          + "</article>\n";
    }
    return heading
        + "<p class=\"unit\">perplexity, the largest source first</p>"
        + Html.plot(
            "sources",
            "Perplexity",
            "",
            "",
            "Perplexity of teacher and student by source; numbers in the table below")
        + Html.table(
            "Perplexity by source",
            List.of("Source", "Tokens", "Teacher", "Student", "Student / teacher"),
            profile.sources().stream()
                .map(
                    source ->
                        List.of(
                            source.name(),
                            count(source.tokens()),
                            measure(source.teacher()),
                            measure(source.student()),
                            ratio(source.student() / source.teacher())))
                .toList())
        + "</article>\n";
  }

  private static String ratio(double ratio) {
    return Double.isFinite(ratio) ? String.format(Locale.ROOT, "%.2f ×", ratio) : Figures.NONE;
  }
}
