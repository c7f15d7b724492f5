"""Floor 2: the network registry over MONAI's."""
