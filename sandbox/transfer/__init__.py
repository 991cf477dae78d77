"""ACR Transfer: pipeline runs, the archives they write and read, and the source trigger."""
