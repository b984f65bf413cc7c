"""What a structure is good for: validation, elastic constants, phonons, thermal expansion, each in its own package."""
