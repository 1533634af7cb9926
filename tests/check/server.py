"""The running server, asked over HTTP as any client would."""

import json
import urllib.error
import urllib.parse
import urllib.request


class Server:
    def __init__(self, url, key):
        self.url, self.key = url.rstrip("/"), key

    def ask(self, path, **parameters):
        """The answer to a read; a refusal ends the check."""
        given = {name: value for name, value in parameters.items() if value is not None}
        address = f"{self.url}{path}?{urllib.parse.urlencode(given)}" if given else self.url + path
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {self.key}"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise SystemExit(f"{address} is answered {refusal.code}: {refusal.read().decode()}") from None

    def all_pages(self, path, rows, **parameters):
        """The first page's answer, with the rows of all pages in `data[rows]`."""
        first = self.ask(path, limit=250, **parameters)
        cursor = first.get("next")
        while cursor:
            page = self.ask(path, limit=250, cursor=cursor, **parameters)
            first["data"][rows] += page["data"][rows]
            cursor = page.get("next")
        return first
