"""What the path to the other end can take: measured at the sender, told by when each packet arrived.

The receiver decides nothing: it reports what came when (:mod:`~pycall.client.congestion.arrivals`). The
sender keeps what left when (:mod:`~pycall.client.congestion.sent`), and reckons from both the rate at
which no queue stands (:mod:`~pycall.client.congestion.controller`). No input, output or clock in here.
"""
