package io.sparkhawk.helm;

import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a role has to allow: a verb on a resource of an API group.
 *
 * @param group empty for the core group
 * @param resource with its subresource, as in pods/log
 */
record Right(String group, String resource, String verb) implements Comparable<Right> {

  private static final Pattern PATH =
      Pattern.compile(
          "/(?:api/v1|apis/(?<group>[^/]+)/[^/]+)(?:/namespaces/[^/]+)?"
              + "/(?<resource>[^/?]+)(?:/(?<name>[^/?]+)(?:/(?<sub>[^/?]+))?)?(?:\\?(?<query>.*))?");

  /** The right that the API server looks for when it gets this request. */
  static Right of(String method, String path) {
    Matcher matcher = PATH.matcher(path);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(method + " " + path + " is about no resource");
    }
    String group = matcher.group("group") == null ? "" : matcher.group("group");
    String sub = matcher.group("sub") == null ? "" : "/" + matcher.group("sub");
    boolean one = matcher.group("name") != null;
    boolean watch = matcher.group("query") != null && matcher.group("query").contains("watch=true");
    String verb =
        switch (method) {
          case "GET" -> watch ? "watch" : one ? "get" : "list";
          case "POST" -> "create";
          case "PUT" -> "update";
          case "PATCH" -> "patch";
          case "DELETE" -> one ? "delete" : "deletecollection";
          default -> throw new IllegalArgumentException(method);
        };
    return new Right(group, matcher.group("resource") + sub, verb);
  }

  /** The rights that a rule gives; those to single objects by name are none of the chart's. */
  static List<Right> of(PolicyRule rule) {
    return rule.getApiGroups().stream()
        .flatMap(
            group ->
                rule.getResources().stream()
                    .flatMap(
                        resource ->
                            rule.getVerbs().stream().map(verb -> new Right(group, resource, verb))))
        .toList();
  }

  @Override
  public int compareTo(Right other) {
    return Comparator.comparing(Right::group)
        .thenComparing(Right::resource)
        .thenComparing(Right::verb)
        .compare(this, other);
  }
}
