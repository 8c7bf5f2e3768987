"""What is seen of a server from outside: figures, health and logs."""
