"""Tells people and other programs what happened: events, and rules of who is told what, when and how."""
