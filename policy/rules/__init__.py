"""The rules, one module for each subject; `..._stack` holds the rules about a whole stack."""
