#!/bin/sh
# Reviews both stacks of this repository in the sandbox with the policy pack; `make review` runs it.
# Starts the sandbox if it is not running, and stops it afterwards in that case. The exit code is that of `acr-transfer review`.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

if ! "$python" -m sandbox status >/dev/null 2>&1; then
  "$python" -m sandbox up
  trap '"$python" -m sandbox down' EXIT
fi
environment=$("$python" -m sandbox env)
eval "$environment"
"$python" -m sandbox seed
for stack in source target; do
  pulumi stack select "$stack" 2>/dev/null || pulumi stack init "$stack"
done
if [ ! -f transfer.lock.json ]; then
  acr-transfer plan --source source --repository '**' --quiet >/dev/null
fi
# The target stack reads the outputs of the source stack.
if ! pulumi stack output handover --stack source >/dev/null 2>&1; then
  echo 'Deploying the source stack, which the target stack reads ...' >&2
  output=$(pulumi up --stack source --yes --skip-preview --suppress-outputs 2>&1) || { echo "$output" >&2; exit 3; }
fi
.venv/bin/acr-transfer review --profile "${PROFILE:-sandbox}" --waivers policy/waivers.json \
  --report review.json --sarif review.sarif source target
