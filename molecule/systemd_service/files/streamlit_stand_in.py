"""Stands in for Streamlit, whose wheels weigh 200 MB: its command line, and a page."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

words = sys.argv[1:]
address = words[words.index("--server.address") + 1], int(words[words.index("--server.port") + 1])
ThreadingHTTPServer(address, partial(SimpleHTTPRequestHandler, directory="/opt/hello")).serve_forever()
