"""Azure Storage: blobs in Azurite, and service SAS tokens."""
