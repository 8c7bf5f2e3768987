"""Which cameras, microphones and speakers there are, and the doors to them."""
