"""Programs that make the frame and the thumbnail of a JPEG. Each writes "ready", then reads paths from stdin
and responds to each path with a line of JSON.

    {"frame": [width, height, bytes], "thumbnail": [width, height, bytes]}

Our program also writes {"besides": {name: seconds}}, the time of each other value that it derives.
"""
