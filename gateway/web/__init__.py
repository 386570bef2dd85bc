"""The web page: server-rendered, readable without scripts."""
