"""Programs that make frame and thumbnail of a JPEG: each says "ready", then reads paths from stdin and
answers each with a line of JSON.

    {"frame": [width, height, bytes], "thumbnail": [width, height, bytes]}; ours also {"besides": {what else
    it makes: seconds}}
"""
