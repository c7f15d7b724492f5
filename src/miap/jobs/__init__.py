"""Floor 3: workflows, the main road first (`analyze`)."""
