"""What the gateway remembers: messages, documents, the send ledger, numbers, and all bytes."""
