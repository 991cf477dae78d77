"""What the pack says about stacks, as a reviewer and a code review tool read it."""
