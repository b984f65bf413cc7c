"""Where to look next: ask/tell searchers, random symmetric generation, variation operators, fingerprints."""
