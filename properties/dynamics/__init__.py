"""Molecular dynamics of many replicas and temperatures at once."""

from properties.dynamics.flow import Flow

__all__ = ["Flow"]
