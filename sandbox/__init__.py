"""Two Azure clouds on this machine: enough of each to try, test and review ACR Transfer without an account."""
