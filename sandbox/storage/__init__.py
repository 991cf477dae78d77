"""Azure Storage: blobs in Azurite."""
