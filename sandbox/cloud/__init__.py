"""One cloud: its state, its files and ports, and the servers that it consists of."""
