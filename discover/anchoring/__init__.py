"""DFT on the few structures that decide a hull, and what it says of all the others."""
