"""The proxy: what it does to a request (16.3-16.6) and how it deals with the responses (16.7-10)."""
