"""What a proxy does to requests (RFC 3261 16.3-16.6) and to their responses (16.7-16.10)."""
