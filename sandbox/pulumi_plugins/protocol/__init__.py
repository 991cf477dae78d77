"""Pulumi's resource provider protocol, shared by the stand-ins for azure-native and random."""
