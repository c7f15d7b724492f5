"""Floor 1: from a mask and its probabilities to lesions, measurements and quality."""
