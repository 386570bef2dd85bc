"""Mappings between transaction sets and documents, as data."""
