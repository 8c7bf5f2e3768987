"""What comes over a network that loses and reorders: asked for again, put in order, given up in time.

Packets are numbered without wrapping (:mod:`~pycall.client.receiving.numbers`), what is missing is asked
for by the round trip (:mod:`~pycall.client.receiving.nack`), and pictures leave whole and in order, or a
key picture is asked for (:mod:`~pycall.client.receiving.order`); :mod:`~pycall.client.receiving.streams`
puts these together. No input, output or clock in here: ``now`` is monotonic seconds.
"""
