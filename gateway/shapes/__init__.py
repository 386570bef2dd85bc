"""Other shapes of a document: plain XML, CSV, fixed width, and a customer's own JSON.

All of it is derived from the models of :mod:`gateway.documents`: a new document type needs nothing here. XML
has one form for every type (:mod:`gateway.shapes.xml`); the others are described by a file
(:mod:`gateway.shapes.model`): rows and columns (:mod:`gateway.shapes.columns`) or JSONata expressions
(:mod:`gateway.shapes.jsonata`).
"""
