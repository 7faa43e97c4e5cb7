"""POST /api/v1/media/check-duplicates - which of these files the team has already, by name and size or by
content.

Body      {"files": [{"filename", "fileSize", "sha256"?}, ...]}, at most 1,000; sha256 in hexadecimal
Response  {"success", "data": {"duplicates": [{"filename", "fileSize", "sha256"?, "existing": [{"id", "url",
          "createdAt", "match", "status"}]}]}, "info": {"timestamp"}}: files that the team has, as they were
          sent, each with the newest five it is like
Errors    400; 401; 403
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.duplicates import CheckDuplicates, Duplicates, show_duplicates
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import duplicates
from vitrine.models.people import Caller


@endpoint(V1, operation="media.check", body=CheckDuplicates, returns=Duplicates)
def app(request: Request[CheckDuplicates], caller: Caller) -> Duplicates:
    body = request.body()
    return show_duplicates(body, duplicates.find_existing(caller, body.likenesses()), request.links)


handler = Mangum(app, lifespan="off")
