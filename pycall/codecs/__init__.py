"""Encoding and decoding, set for talking: Opus for one voice, VP8 and H.264 for pictures.

libopus and libvpx are called in the copies that av's wheel brings, since av gives no way to change a rate
without beginning anew, nor to conceal what is missing. Where they cannot be loaded, av's own codecs serve.
"""
