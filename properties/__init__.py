"""What a structure is good for: vibrations at Γ, the bulk modulus. More is not built yet (see the issues)."""
