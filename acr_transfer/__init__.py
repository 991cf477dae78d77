"""What Pulumi does not do: carry the exported blobs across, and prove what arrived."""
