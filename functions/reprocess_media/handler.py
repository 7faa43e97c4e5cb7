"""POST /api/media/{mediaId}/reprocess - make the frames of an item, or of a version, anew from its original.

An item's id means the version that it shows. Meanwhile a ready version shows the frames that it has. Frames
keep their ids, and URLs of the old ones work until they expire. A failed version is pending again. Two
requests before processing is done have the effect of one.

Response  202 {"id", "processing": {"state", "reason", "reprocessing"?, "reprocessFailure"?}}, with the item's
          new ETag: `GET /api/media/{mediaId}` shows `reprocessing` in `processing` until it is done, and
          `reprocessFailure` where it failed and the frames are the old ones
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
    media = reprocessing.request(caller, request.id("mediaId"), check=media_if_match(request.headers))
    return show_reprocessing(media)


handler = Mangum(app, lifespan="off")
