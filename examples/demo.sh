#!/usr/bin/env bash
# One complete transfer, with the commands that a user types; `make demo` runs it.
# KEEP=1 keeps the sandbox running. The exit code is 0 only if every artifact is proved.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python

stop() {
  local code=$?
  trap - EXIT INT TERM
  if [ "${KEEP:-}" = 1 ] && [ "$code" -eq 0 ]; then
    echo
    echo 'The sandbox is still running. To use it in this shell:  eval "$(.venv/bin/python -m sandbox env)"'
    echo 'To stop it:  .venv/bin/python -m sandbox down'
  else
    "$python" -m sandbox down
  fi
  exit "$code"
}

step() {
  echo
  echo "\$ ${*@Q}" | sed "s/'\\([A-Za-z0-9_./=:-]*\\)'/\\1/g"
  "$@"
}

trap 'exit 130' INT TERM
"$python" -m sandbox down 2>/dev/null # a demo starts with two empty clouds
trap stop EXIT

# The files of an earlier demo describe registries that no longer exist.
rm -f transfer.lock.json receipt.json evidence.html

step "$python" -m sandbox up --fresh
eval "$("$python" -m sandbox env)"
step "$python" -m sandbox seed
for stack in source target; do
  step pulumi stack init "$stack"
done
step acr-transfer plan --source source --repository '**'
step pulumi up --stack source --yes --skip-preview --suppress-outputs
step pulumi up --stack target --yes --skip-preview --suppress-outputs
step acr-transfer hop --source source --target target
step acr-transfer prove --source source --target target --wait 300 --layers sample \
  --receipt receipt.json --html evidence.html
step acr-transfer plan --source source --repository '**' --since receipt.json
step acr-transfer status --source source --target target
