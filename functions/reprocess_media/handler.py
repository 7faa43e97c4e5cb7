"""POST /api/media/{mediaId}/reprocess - have the frames of an item, or of a version, made anew from its
original.

An item's id means the version that it shows. While that is under way a ready version shows the frames it has;
they keep their ids, and the URLs of
the old ones are good for as long as they were signed for. A failed one is pending again. Asked for twice
before it is done, it is done once.

Response  202 {"id", "processing": {"state", "reason", "reprocessing"?, "reprocessFailure"?}}, with the item's
          new ETag: `GET /api/media/{mediaId}`
          says `reprocessing` in `processing` until it is done, and `reprocessFailure` where nothing came of
          it and the frames are the old ones
Errors    400 a folder; 401; 403; 404; 409 an external URL whose file was not fetched; 412 changed since it
          was read (If-Match)
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects import Answer
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.media import media_if_match
from vitrine.dialects.studio.reprocessing import Reprocessing, show_reprocessing
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import reprocessing
from vitrine.models.people import Caller


@endpoint(
    STUDIO,
    operation="media.reprocess",
    item=("mediaId", "media"),
    returns=Reprocessing,
    status=202,
)
def app(request: Request, caller: Caller) -> Answer:
    asked = reprocessing.ask(caller, request.id("mediaId"), check=media_if_match(request.headers))
    return show_reprocessing(asked)


handler = Mangum(app, lifespan="off")
