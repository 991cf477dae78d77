"""Proof by digest: verification, layers, evidence and receipt."""
