"""Notifications: which events of a study are announced, and how a command or a webhook receives them."""
