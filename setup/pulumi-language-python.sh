#!/bin/sh
# Set-up copies this file next to the `pulumi` that it built, where Pulumi looks for its bundled language hosts.
# The cache is shared by all checkouts; the program that does the work is in PULUMI_HOME.
host=${PULUMI_HOME:-$HOME/.pulumi}/bin/pulumi-language-python
if [ ! -x "$host" ]; then
  printf '%s\n' "$host does not exist." \
    "To use the sandbox in this shell, run in the checkout: eval \"\$(.venv/bin/python -m sandbox env)\"" >&2
  exit 1
fi
exec "$host" "$@"
