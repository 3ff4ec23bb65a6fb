"""The network: layers, routing by agreement, losses, and the assembly from a configuration."""
