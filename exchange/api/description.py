"""Describe the API as OpenAPI 3.1, from the route table and the views."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from exchange.api.log import LogsView
from exchange.api.problems import MEDIA_TYPE
from exchange.api.routes import XML, Route
from exchange.api.views import HealthView, Problem, ReadinessView, TrustView

VERSION: Final = "1"
_NAMED: Final = {"type": "string"}
_NUMBERED: Final = {
    "ordinal": {"type": "integer", "minimum": 1, "maximum": 999_999},
    "rule": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
}
"""What an address names by a number; everything else it names by a text."""
_REFERENCE: Final = "#/components/schemas/{name}"


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """Describe the routes, and the public pages beside them."""
    routes = list(routes)
    views = {view for route in routes for view in (route.gives, route.takes) if view is not None}
    ordered = sorted(views | {Problem, TrustView, LogsView, HealthView, ReadinessView}, key=lambda view: view.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    paths["/v1/trust"] = {"get": _public("getTrust", "Show what to verify the hub's receipts with.", TrustView)}
    paths["/log"] = {"get": _public("getLogs", "List the transparency logs of this hub.", LogsView)}
    paths["/healthz"] = {"get": _public("getHealth", "Say whether the process answers.", HealthView)}
    paths["/readyz"] = {"get": _public("getReadiness", "Say whether the hub can take messages on.", ReadinessView)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Congvan exchange",
            "version": VERSION,
            "summary": "Exchange signed official documents, with evidence for every step",
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.text,
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": {str(route.status): _success(route), "default": _refusal()},
    }
    if route.takes_xml:
        operation["requestBody"] = {"required": True, "content": {XML: {"schema": {"type": "string"}}}}
    if route.takes_media:
        operation["requestBody"] = {"required": True, "content": {key: {} for key in _media(route, route.takes_media)}}
    if route.takes is not None:
        is_needed = any(field.required for field in msgspec.structs.fields(route.takes))
        operation["requestBody"] = {"required": is_needed, "content": _json(_ref(route.takes))}
    return operation


def _public(name: str, text: str, view: type) -> dict[str, Any]:
    good = {"description": text, "content": _json(_ref(view))}
    return {"operationId": name, "summary": text, "security": [], "responses": {"200": good, "default": _refusal()}}


def _success(route: Route) -> dict[str, Any]:
    if route.gives is None:
        content = {name: each for media in _media(route, route.gives_media) for name, each in _bytes(media).items()}
        return {"description": route.text, "content": content}
    one = _ref(route.gives)
    return {"description": route.text, "content": _json({"type": "array", "items": one} if route.many else one)}


def _media(route: Route, media: str) -> tuple[str, ...]:
    return (media, route.other_media) if route.other_media else (media,)


def _bytes(media: str) -> dict[str, Any]:
    if not media:
        return {}
    return {media: {"schema": {"type": "string"}} if media == XML else {}}


def _refusal() -> dict[str, Any]:
    return {"description": "A refusal, with a stable code", "content": {MEDIA_TYPE: {"schema": _ref(Problem)}}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": _NUMBERED.get(name, _NAMED)} for name in names]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": item.name, "in": "query", "description": item.text, "schema": {"type": item.kind, **item.rules}}
        for item in route.queries
    ]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": item.name, "in": "header", "required": True, "description": item.text, "schema": dict(item.rules)}
        for item in route.headers
    ]


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(view: type) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(name=view.__name__)}
