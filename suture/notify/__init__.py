"""How people are reached: contacts and their addresses, behind `ports.Notifier`."""
