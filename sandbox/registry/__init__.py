"""Container registries: an OCI registry server behind Azure Container Registry's own APIs and tokens."""
