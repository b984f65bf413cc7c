"""Campaigns whose structures are given: nothing is searched, and the pipeline computes what is asked of each."""
