"""What Azure Container Registry has over a plain OCI registry: who may do what, a catalogue, referrers."""
