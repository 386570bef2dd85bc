"""What the gateway remembers: messages, documents, the send ledger, numbers used, and the bytes themselves."""
