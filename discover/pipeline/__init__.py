"""What hits are good for: stages of computations, each kept by the hash of what went into it."""
