"""The exported log, read again from its bytes: leaves, links, versions, digests and the root.

Nothing here comes from the program that wrote it. The tree is the definition of RFC 6962 2.1, as it
stands there: MTH of nothing is the hash of nothing, of one leaf SHA-256(0 || leaf), of more
SHA-256(1 || MTH of the largest power of two that is smaller || MTH of the rest).
"""

import base64
import datetime
import hashlib
import json


class Event:
    """One line of `sfs events --leaves`."""

    def __init__(self, line):
        decoder = json.JSONDecoder()
        fields = json.loads(line)
        # The open body's digest is that of its text, so the text is needed as it stands.
        start = line.index('"open":') + len('"open":')
        body, end = decoder.raw_decode(line, start)
        self.open_text = line[start:end]
        self.position = fields["position"]
        self.stream = fields["stream"]
        self.version = fields["version"]
        self.type = fields["type"]
        self.recorded_at = fields["recorded_at"]
        self.leaf_text = fields["leaf"]
        self.leaf_hash = fields["leaf_hash"]
        self.occurred_on = body["occurred_on"]
        self.ags = body["ags"]
        self.provider = body.get("provider")
        self.school = body.get("school")
        self.data = body["data"]


def read(lines):
    return [Event(line) for line in lines if line.strip()]


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(leaf):
    return sha256(b"\x00" + leaf)


def root(hashes):
    """The root over leaf hashes, by the recursion of the standard."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha256(b"\x01" + root(hashes[:split]) + root(hashes[split:]))


def micros(text):
    """`2026-11-24T09:00:00.000001Z` as microseconds since 1970."""
    instant = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    since = instant - datetime.datetime(1970, 1, 1)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def check(events):
    """What is wrong with the log, as sentences."""
    findings = []

    def compare(event, what, stored, computed):
        if stored != computed:
            findings.append(f"position {event.position}: {what} is {stored!r}, computed {computed!r}")

    versions, last_leaf, identities, commands = {}, {}, set(), {}
    before = 0
    for number, event in enumerate(events, start=1):
        compare(event, "position", event.position, number)
        leaf = json.loads(event.leaf_text)
        canonical = json.dumps(leaf, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        compare(event, "the leaf's spelling", event.leaf_text, canonical)
        compare(event, "leaf hash", event.leaf_hash, base64url(leaf_hash(event.leaf_text.encode())))
        compare(event, "format", leaf["v"], 1)
        for name, column in [("pos", event.position), ("stream", event.stream), ("type", event.type)]:
            compare(event, name, column, leaf[name])
        compare(event, "recorded_at", event.recorded_at, micros(leaf["at"]))
        if event.recorded_at < before:
            findings.append(f"position {event.position}: recorded before the event in front of it")
        before = event.recorded_at
        version = versions.get(event.stream, 0) + 1
        compare(event, "stream version", event.version, version)
        compare(event, "the leaf's stream version", leaf["sv"], version)
        versions[event.stream] = version
        compare(event, "back link", leaf.get("prev"), last_leaf.get(event.stream))
        last_leaf[event.stream] = event.leaf_hash
        compare(event, "digest of the open body", leaf["open"], base64url(sha256(event.open_text.encode())))
        if leaf["id"] in identities:
            findings.append(f"position {event.position}: its identity was there before")
        identities.add(leaf["id"])
        event.id = leaf["id"]
        # The events of a command follow one another.
        last = commands.get(leaf["cmd"])
        if last is not None and last != number - 1:
            findings.append(f"position {event.position}: command {leaf['cmd']} has events elsewhere")
        commands[leaf["cmd"]] = number
    return findings
