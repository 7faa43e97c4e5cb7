"""A decoder of videos that a hostile file has taken over."""

from tests.given import hostile
from vitrine_video.child import videos

if __name__ == "__main__":
    hostile.main(videos)
