"""The command line: the only place that reads options and the only one that prints."""
