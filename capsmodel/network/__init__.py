"""The network: its layers, routing by agreement, its losses, and its assembly from a configuration."""
