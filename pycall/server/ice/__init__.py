"""What helps callers to connect: STUN here, and TURN beside us or elsewhere."""
