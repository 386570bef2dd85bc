"""Telling operators what happens."""
