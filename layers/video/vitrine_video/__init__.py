"""What touches videos. Nothing yet: videos are kept and served, but have no frames."""
