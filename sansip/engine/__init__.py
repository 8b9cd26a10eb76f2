"""The engine: it owns all tables and names, and carries outputs to inputs until all is quiet."""
