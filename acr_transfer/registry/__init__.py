"""The OCI distribution client: authentication, transport, manifests and references."""
