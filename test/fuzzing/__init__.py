"""Inputs that nobody means well by, made by the thousand from good ones: `make fuzz`."""
