"""Reconciliation: what each cent of a remittance is, and what became of each invoice.

Everything here is a function of values, and of the set of what is known, never of the order it came in.
"""
