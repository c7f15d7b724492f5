"""What whole runs promise, from a study to its results."""
