"""Vectors -> neighbours: an index on disk, searched exactly. numpy only."""
