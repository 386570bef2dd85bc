"""AS2 (RFC 4130): bytes into protected messages and receipts, and back; no input or output of its own."""
