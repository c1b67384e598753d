"""A web application of one file: says whether it is well and how it was told to greet."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from itsdangerous import Signer

from greeter.release import HEALTH, NAME


class Handler(BaseHTTPRequestHandler):
    """Answers every path alike."""

    def do_GET(self) -> None:
        greeting = os.environ["GREETING"]
        answer = {"status": HEALTH, "release": NAME, "greeting": greeting, "signed": Signer("k").sign(greeting).decode()}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    print(f"release {NAME} starts, token {os.environ.get('API_TOKEN', '')}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", 8090), Handler).serve_forever()
