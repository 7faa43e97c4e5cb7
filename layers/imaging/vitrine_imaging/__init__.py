"""Stills, decoded in a child process with limits: their frames, thumbnails and metadata."""
