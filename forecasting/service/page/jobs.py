"""The link of an answer that takes longer than a request may: how far it is, and then the page that was asked for."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from forecasting.service.http.exchange import dispatcher_of
from forecasting.service.page.exchange import expired_page, failure_page, html_response, language_of
from forecasting.service.page.view import job_page
from forecasting.service.workers.jobs import Job

PLACES = {"comparison": "/scenarios"}
"""Kind of answer -> the page that shows it, where that is not the plan's."""


def to_job(job: Job, query: str) -> Response:
    """To the link of the job. query: of the page that it turns into, by which to ask again once it has expired."""
    return RedirectResponse(f"/jobs/{job.id}?{query}", 303)


def job_router() -> APIRouter:
    """The route of such links."""
    router = APIRouter(include_in_schema=False)

    @router.get("/jobs/{identity}")
    async def get_job(request: Request, identity: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]) -> Response:
        query = parse_qsl(request.url.query)
        language = language_of(request, dict(query).get("lang", ""))
        job = await dispatcher_of(request).jobs.find(identity)
        if job is None:
            return expired_page(language, query)
        if job.state == "failed":
            return await failure_page(request, query, job.error)
        if job.state == "done":
            return RedirectResponse(f"{PLACES.get(job.kind, '/')}?{request.url.query}", 303)
        return html_response(job_page(job, language).encode(), 202, {"Cache-Control": "no-store"})

    return router
