#!/bin/sh
# One complete transfer, with the commands that a user types; `make demo` runs it.
# KEEP=1 keeps the sandbox running. The exit code is 0 only if every artifact is proved.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

stop() {
  code=$?
  trap - EXIT INT TERM
  if [ "${KEEP:-}" = 1 ] && [ "$code" -eq 0 ]; then
    printf '\n%s\n' "The sandbox is still running. To use it in this shell:  eval \"\$($python -m sandbox env)\"" \
      "To stop it:  $python -m sandbox down"
  else
    "$python" -m sandbox down
  fi
  exit "$code"
}

# Prints the purpose and the command: announce PURPOSE COMMAND ...
announce() {
  printf '\n# %s\n$' "$1"
  shift
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./=:-]*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  echo
}

# Announces a command and runs it.
step() {
  announce "$@"
  shift
  "$@"
}

# The same for a command that prints a long table: its beginning and its end, or all of it after a failure.
step_with_table() {
  announce "$@"
  shift
  table=$("$@") || { code=$?; printf '%s\n' "$table"; return "$code"; }
  printf '%s\n' "$table" | sed '9,$d'
  echo ...
  printf '%s\n' "$table" | tail -n 2
}

trap 'exit 130' INT TERM
"$python" -m sandbox down 2>/dev/null # a demo starts with two empty clouds
trap stop EXIT

# The files of an earlier demo describe registries that no longer exist.
rm -f transfer.lock.json receipt.json evidence.html

step 'Start two clouds on this machine that share nothing.' \
  "$python" -m sandbox up --fresh
environment=$("$python" -m sandbox env)
eval "$environment"
step 'Fill the source registry: images, charts, signatures, SBOMs.' \
  "$python" -m sandbox seed
step 'Create the stack of the source cloud.' \
  pulumi stack init source
step 'Create the stack of the target cloud.' \
  pulumi stack init target
step_with_table 'Lock what moves: every artifact, by digest, with what refers to it.' \
  acr-transfer plan --source source --repository '**'
step 'Deploy the source: its export pipeline writes the artifacts into blobs.' \
  pulumi up --stack source --yes --skip-preview --suppress-outputs --suppress-progress
step 'Deploy the target: its import pipeline waits for these blobs.' \
  pulumi up --stack target --yes --skip-preview --suppress-outputs --suppress-progress
step 'Carry the blobs from one cloud to the other.' \
  acr-transfer hop --source source --target target
step_with_table 'Prove every digest at the target, with a receipt and a page for the auditor.' \
  acr-transfer prove --source source --target target --wait 300 --layers sample \
  --receipt receipt.json --html evidence.html
step 'Plan the next transfer: nothing is new, so nothing moves.' \
  acr-transfer plan --source source --repository '**' --since receipt.json
step 'Show every run, including those that the target started by itself.' \
  acr-transfer status --source source --target target
