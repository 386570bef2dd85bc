"""Labels of cartons and pallets: what stands on them, where, and as PDF or ZPL."""
