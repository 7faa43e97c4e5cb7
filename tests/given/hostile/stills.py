"""A decoder of stills that a hostile file has taken over."""

from tests.given import hostile
from vitrine_imaging.child import stills

if __name__ == "__main__":
    hostile.main(stills)
