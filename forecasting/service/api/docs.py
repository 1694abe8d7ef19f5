"""The pages of the API, for a reader without another network than this server's: Swagger UI from its package."""

from importlib import resources

from fastapi import APIRouter, FastAPI, Request, Response

from forecasting.service.http.problems import Refusal

_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_FOLDER = ("vendor", "swagger-ui-4.15.5")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Salvocast API</title>
<link rel="icon" href="../../static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({ url: "docs/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Its style sheet draws with data: pictures."""

router = APIRouter(prefix="/api/v1", include_in_schema=False)


@router.get("/docs")
def get_page() -> Response:
    return Response(_PAGE, headers={"Content-Security-Policy": _POLICY}, media_type="text/html")


@router.get("/docs/start.js")
def get_start() -> Response:
    return Response(_START, media_type="text/javascript")


@router.get("/docs/openapi.json")
def get_definition(request: Request) -> dict[str, object]:
    """The definition under an older number: this Swagger UI refuses 3.1, though it can draw the few differences."""
    app: FastAPI = request.app
    return app.openapi() | {"openapi": "3.0.3"}


@router.get("/docs/{name}")
def get_asset(name: str) -> Response:
    if name not in _ASSETS:
        raise Refusal(404, f"there is no {name[:80]} here")
    file = resources.files("swagger_ui_bundle").joinpath(*_FOLDER, name)
    return Response(file.read_bytes(), headers={"Cache-Control": "private, max-age=86400"}, media_type=_ASSETS[name])
