# shellcheck shell=sh
# Asks for each VERB:RESOURCE whether this pod's account may do that in NAMESPACE: all of ALLOWED, none of REFUSED.
may() {
  verb=${1%%:*} resource=${1#*:} group=""
  case $resource in
    rolebindings) group=rbac.authorization.k8s.io ;;
    jobs) group='batch' ;;
  esac
  # The token goes through standard input: arguments can be seen by others.
  answer=$(printf 'Authorization: Bearer %s' "$(cat "$ACCOUNT/token")" |
    curl --silent --show-error --fail --max-time 20 --cacert "$ACCOUNT/ca.crt" \
      --header @- --header 'Content-Type: application/json' \
      --data "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SelfSubjectAccessReview\",\"spec\":{\"resourceAttributes\":{\"namespace\":\"$NAMESPACE\",\"verb\":\"$verb\",\"group\":\"$group\",\"resource\":\"$resource\"}}}" \
      "$API_SERVER/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") || {
    echo "The API server at $API_SERVER cannot be asked." >&2
    exit 4
  }
  printf '%s' "$answer" | grep -q '"allowed": *true'
}

wrong=0
for right in $ALLOWED; do
  if may "$right"; then
    echo "allowed, as it should be: $right"
  else
    echo "REFUSED, but the driver needs it: $right"
    wrong=1
  fi
done
for right in $REFUSED; do
  if may "$right"; then
    echo "ALLOWED, but the driver does not need it: $right"
    wrong=1
  else
    echo "refused, as it should be: $right"
  fi
done
exit $wrong
