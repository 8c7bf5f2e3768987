"""The calling side: python-socketio and aiortc around :mod:`pycall.core.call`."""
