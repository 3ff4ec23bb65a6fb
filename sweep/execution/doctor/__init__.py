"""What would go wrong in a launch, looked for before it."""
