"""What a structure is good for: vibrations at Γ. Elastic, thermal, transport are not built yet (see the issues)."""
