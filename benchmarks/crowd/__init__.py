"""The parts of signalling.py: the servers, the crowd of their clients, a trial of one and the tables."""
