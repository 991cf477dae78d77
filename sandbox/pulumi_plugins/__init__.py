"""Pulumi plugins for machines without the vendor's: azure-native, random, and the Python language host."""
