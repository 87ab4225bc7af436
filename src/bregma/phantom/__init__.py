"""Heads, bleeds and look-alikes whose truth is known, drawn from parameters in patient coordinates."""
