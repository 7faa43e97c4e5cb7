"""What touches videos: their frames, made in a child process that is given the bytes it asks for."""
