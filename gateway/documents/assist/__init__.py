"""Makes the documents that answer an order: the acknowledgment, ship notices and invoices.

Pure: a maker is given what is known and returns a document with everything that is wrong. What is not known
is told and never guessed; whether a document may be sent is checked elsewhere, as that of any other is.
"""
