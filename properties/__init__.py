"""What a structure is good for: validation, elastic constants, phonons, thermal expansion; each a package of its own."""
