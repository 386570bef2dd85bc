"""Who we trade with, what was agreed and over which channel; no input or output of its own."""
