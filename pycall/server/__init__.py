"""The signalling server: aiohttp and python-socketio around :mod:`pycall.core.room`."""
