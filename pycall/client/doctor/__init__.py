"""The checks of `pycall doctor` that need the network: each is bounded, and returns findings."""
