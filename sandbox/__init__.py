"""Two Azure clouds on this machine: enough of each to try and test ACR Transfer without an account."""
