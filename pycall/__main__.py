"""``python -m pycall`` is the command ``pycall``."""

from pycall.cli.main import main

main()
