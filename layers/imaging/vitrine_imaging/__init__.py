"""What touches stills: decoding them in a process that can be killed, and what is made of them."""
