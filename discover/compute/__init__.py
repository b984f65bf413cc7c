"""What `discover compute NAME` can compute of a structure: one file a name, and one line in the registry."""
