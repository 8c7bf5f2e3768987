"""What one end sends: how much of the path each kind gets, when each packet leaves, and what is sent again.

Everything here decides and does no I/O: what time it is (monotonic seconds) and what came is told to it.
:class:`~pycall.client.sending.line.Line` alone runs, as one task for each connection.
"""
