"""Floor 4: the command line. Heavy imports live inside the commands."""
