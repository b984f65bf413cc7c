"""Elastic constants: strained cells, symmetry, moduli."""

from __future__ import annotations

from properties.elastic.elastic import ElasticSettings, elastic
from properties.elastic.elasticity import Elasticity

__all__ = ["ElasticSettings", "Elasticity", "elastic"]
