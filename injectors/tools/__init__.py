"""What injectors are made of."""
