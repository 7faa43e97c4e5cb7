"""Videos: making frames of them in a child process, which requests the bytes that it reads."""
