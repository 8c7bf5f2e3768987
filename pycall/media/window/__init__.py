"""The window, a process of its own: OpenCV aborts its process where a display cannot be used.

``python -m pycall.media.window TITLE`` reads pictures and marks from standard input, as written by
:mod:`pycall.media.window.display` in the form of :mod:`~pycall.media.window.wire`, and writes lines to
standard output: ``ready`` or ``failed WHY``, ``key m``, ``closed``. It ends when its input does.
"""
