"""Programs that make frame and thumbnail of a JPEG: each writes "ready", then reads paths from stdin and
responds to each with a line of JSON.

    {"frame": [width, height, bytes], "thumbnail": [width, height, bytes]}

Ours also has {"besides": {what it makes beside frames: seconds}}.
"""
