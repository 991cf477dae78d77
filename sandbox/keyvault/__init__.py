"""Azure Key Vault: the data plane of secrets, access and the firewall."""
