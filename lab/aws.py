"""AWS: moto's server with the gaps closed that the AWS modules fall into."""

from __future__ import annotations

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from lab import patches
from lab.settings import Settings


def server(settings: Settings) -> BaseWSGIServer:
    """The HTTP door; ``serve_forever`` runs it."""
    patches.apply(setattr, default_vpc=str(settings.cidr))
    application = DomainDispatcherApplication(create_backend_app)
    address = (str(settings.gateway), settings.api_port)
    return make_server(*address, application, threaded=True, request_handler=MotoRequestHandler)
