"""What others reach over HTTP."""
