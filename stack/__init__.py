"""Stack configuration: keys, parsing and rules, from configuration to component arguments."""
