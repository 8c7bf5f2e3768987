"""The parts of bad_network.py: networks, scene, the two sides of a call, figures and tables."""
