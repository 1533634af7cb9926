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
    """Asks for those representations of the feed that come to an end, and at once."""
    if case.operation.path == "/v1/events":
        endless = "follow" in (case.query or {})
        headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "prefer"}
        headers["Accept"] = "application/cloudevents-batch+json" if endless else "application/x-ndjson"
        case.headers = headers
