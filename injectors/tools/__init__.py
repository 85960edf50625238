"""Tools that injectors are made of."""
