"""Planning a transfer: rules, selection, pinning by digest, and the artifacts that the target already has."""
