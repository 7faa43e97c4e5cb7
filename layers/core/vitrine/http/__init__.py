"""A request's way: from HTTP to a caller, a function and a dialect, and back, as an ASGI app."""
