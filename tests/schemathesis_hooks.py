"""What schemathesis cannot know by itself: how lists of commands are sent, and that a feed of
server-sent events never ends."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(_, value):
    """A list of commands is generated as a text; whatever else comes is written as one line."""
    if isinstance(value, bytes):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="surrogatepass")


@schemathesis.hook
def before_call(_, case, kwargs):
    """Asks for the representations of the feed that come to an end."""
    if case.operation.path == "/v1/events":
        case.headers = {**(case.headers or {}), "Accept": "application/x-ndjson"}
