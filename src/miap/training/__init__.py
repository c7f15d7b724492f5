"""Floor 2: datalists, the training loop and evaluation."""
