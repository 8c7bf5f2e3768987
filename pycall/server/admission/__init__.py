"""Who may come in: addresses and their budgets, passwords and invites, origins."""
