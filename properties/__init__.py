"""What a structure is good for: elastic, phonons, thermal, transport (none built yet; see the issues)."""
