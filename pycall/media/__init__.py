"""Frames and samples: devices, playout, display and recording. Knows nothing of networks."""
