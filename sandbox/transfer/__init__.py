"""What ACR Transfer does: pipeline runs, what they read and write, and the trigger that makes some."""
