"""The launcher, which observes every open attempt, decides which action it needs, and takes the action."""
