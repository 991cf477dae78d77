#!/usr/bin/env bash
# Both stacks of this repository in the sandbox, reviewed with the policy pack: `make review` runs it.
# Starts the sandbox unless it is up, and stops it again if it did. Exit code of the review: see policy/review.py --help.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python

if ! "$python" -m sandbox status >/dev/null 2>&1; then
  "$python" -m sandbox up
  trap '"$python" -m sandbox down' EXIT
fi
eval "$("$python" -m sandbox env)"
"$python" -m sandbox seed
for stack in source target; do
  pulumi stack select "$stack" 2>/dev/null || pulumi stack init "$stack"
done
if [ ! -f transfer.lock.json ]; then
  acr-transfer plan --source source --repository '**' --quiet >/dev/null
fi
# A target's stack reads what its source's stack gave out.
if ! pulumi stack output handover --stack source >/dev/null 2>&1; then
  echo 'Deploying the source stack, which the target stack reads ...' >&2
  said=$(pulumi up --stack source --yes --skip-preview --suppress-outputs 2>&1) || { echo "$said" >&2; exit 3; }
fi
"$python" policy/review.py --profile "${PROFILE:-sandbox}" --waivers policy/waivers.json \
  --json review.json --sarif review.sarif source target
