"""Pictures and sound that say by themselves when they were made."""
