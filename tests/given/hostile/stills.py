"""A decoder of pictures that has been broken."""

from tests.given import hostile
from vitrine_imaging.child import stills

if __name__ == "__main__":
    hostile.main(stills)
