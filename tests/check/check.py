#!/usr/bin/env python3
"""Checks an exported log and the figures that a server shows, with nothing of the server's code.

    sfs events --leaves > events.ndjson
    check.py events.ndjson --root <root> --url http://127.0.0.1:8080 --key sfs_…

From the bytes of the export it computes leaf hashes, back links, stream versions, digests and the
root (RFC 6962) again. From the events it sums up every figure of the read models M01, M02, M03, M04
and M14, as of several positions, days and periods, and asks the server for the same, and for proofs of
inclusion and consistency (RFC 9162). Exit code 0 if
everything is equal, 1 if not, with a line for each difference; the key needs a role that sees exact
figures of the whole state.
"""

import argparse
import random
import sys

import figures
import log
import periods
import proofs
from server import Server

MOST_SHOWN = 50
OVERVIEW_FIGURES = [
    "schools_known", "schools_open", "schools_with_social_work", "offices_active", "positions_planned_fte",
    "positions_filled_fte", "agreements_active", "trainings_held", "activities", "activity_minutes",
    "indirect_minutes",
]
GROUPS = ["district", "school", "provider", "month", "form"]
ACTIVITY_FIGURES = ["count", "minutes", "women", "men", "non_binary"]


class Check:
    def __init__(self, server, only):
        self.server, self.only = server, only
        self.differences, self.compared = [], 0

    def wants(self, model):
        return self.only is None or self.only == model

    def compare(self, where, answered, computed):
        self.compared += 1
        if answered != computed:
            self.differences.append(f"{where}: the server answers {answered!r}, computed {computed!r}")

    def compare_rows(self, where, answered, computed):
        """Rows by key, each a dictionary; a value that is absent and one that is `None` are the same."""
        for key in sorted(answered.keys() | computed.keys(), key=str):
            mine, theirs = computed.get(key), answered.get(key)
            if mine is None or theirs is None:
                self.compare(f"{where} {key}", theirs, mine)
                continue
            for name in sorted(mine.keys() | theirs.keys()):
                self.compare(f"{where} {key} {name}", theirs.get(name), mine.get(name))

    def envelope(self, where, answer, position):
        self.compare(f"{where} known_until", answer.get("known_until"), position)
        self.compare(f"{where} complete", answer["complete"], True)

    def overview(self, world, position, on, period):
        if not self.wants("M01"):
            return
        where = f"M01 known_until={position} valid={on} period={period}"
        answer = self.server.ask("/v1/overview", known_until=position, valid=on, period=period)
        self.envelope(where, answer, position)
        answered = {row.pop("district"): row for row in answer["data"]["districts"]}
        computed = figures.overview(world, on, periods.days(period))
        computed = {
            district: {name: row[name] for name in OVERVIEW_FIGURES}
            for district, row in computed.items()
            if any(row.values())
        }
        # Whether a district without anything is listed is not a figure.
        answered = {district: row for district, row in answered.items() if any(row.values())}
        self.compare_rows(where, answered, computed)
        total = {name: sum(row[name] for row in computed.values()) for name in OVERVIEW_FIGURES}
        self.compare_rows(where, {"total": answer["data"]["total"]}, {"total": total})

    def coverage(self, world, position, on):
        if not self.wants("M02"):
            return
        where = f"M02 known_until={position} valid={on}"
        answer = self.server.all_pages("/v1/coverage", "schools", known_until=position, valid=on)
        self.envelope(where, answer, position)
        computed = figures.coverage(world, on)
        counts = figures.coverage_counts(computed)
        listed = answer["data"]["schools"]
        self.compare(f"{where} schools listed twice", len(listed) - len({row["school"] for row in listed}), 0)
        answered = {row["school"]: row for row in listed}
        for row in computed.values():
            row["providers"] = [row["providers"][provider] for provider in sorted(row["providers"])]
        without = lambda row: {name: value for name, value in row.items() if value is not None}
        for row in [*computed.values(), *answered.values()]:
            row["providers"] = [without(provider) for provider in row["providers"]]
        self.compare_rows(where, answered, computed)
        answered = {(row.pop("district"), row.pop("form")): row for row in answer["data"]["counts"]}
        self.compare_rows(where, answered, counts)

    def staffing(self, world, position, on):
        if not self.wants("M03"):
            return
        where = f"M03 known_until={position} valid={on}"
        answer = self.server.all_pages("/v1/staffing", "posts", known_until=position, valid=on)
        self.envelope(where, answer, position)
        computed = figures.staffing(world, on)
        listed = answer["data"]["posts"]
        self.compare(f"{where} positions listed twice", len(listed) - len({row["key"] for row in listed}), 0)
        self.compare_rows(where, {row["key"]: row for row in listed}, computed)
        answered = {row.pop("district"): row for row in answer["data"]["districts"]}
        self.compare_rows(where, answered, figures.staffing_totals(computed))

    def activities(self, world, position, period, group):
        if not self.wants("M04"):
            return
        where = f"M04 known_until={position} period={period} group={group}"
        answer = self.server.ask("/v1/activities", known_until=position, period=period, group=group)
        self.envelope(where, answer, position)
        computed = figures.activities(world, periods.days(period), group)
        minutes = {}
        for (name, _), row in computed.items():
            minutes[name] = minutes.get(name, 0) + row["minutes"]
        for (name, _), row in computed.items():
            row["share_bp"] = share(row["minutes"], minutes[name])
        answered = {(row.pop("group", ""), row.pop("kind")): row for row in answer["data"]["rows"]}
        self.compare_rows(where, answered, computed)
        total = {name: sum(row[name] for row in computed.values()) for name in ACTIVITY_FIGURES}
        total["share_bp"] = share(total["minutes"], total["minutes"])
        self.compare_rows(where, {"total": answer["data"]["total"]}, {"total": total})

    def trainings(self, world, position, period):
        if not self.wants("M14"):
            return
        where = f"M14 known_until={position} period={period}"
        answer = self.server.all_pages("/v1/trainings", "trainings", known_until=position, period=period)
        self.envelope(where, answer, position)
        during = periods.days(period) if period else None
        computed = figures.trainings(world, during)
        listed = answer["data"]["trainings"]
        self.compare(f"{where} trainings listed twice", len(listed) - len({row["training"] for row in listed}), 0)
        self.compare_rows(where, {row["training"]: row for row in listed}, computed)
        total = figures.trainings_total(world, computed, during)
        self.compare_rows(where, {"total": answer["data"]["total"]}, {"total": total})


def share(minutes, all_minutes):
    """In hundredths of a percent, halves rounded up; nothing of nothing."""
    return (minutes * 20_000 + all_minutes) // (2 * all_minutes) if all_minutes else None


def check_server(events, check, seed, many, forgotten):
    chance = random.Random(seed)
    head = len(events)
    positions = [head, head // 2, head // 4, head * 3 // 4, 1, *(chance.randint(1, head) for _ in range(many))]
    positions = sorted(set(positions[:many]) - {0})
    # Sites, programmes and people's roles have dates of their own; the figures are about work.
    worked = sorted(event.occurred_on for event in events if event.type.startswith(("intervention.", "staff.")))
    first, last = worked[0], worked[-1]
    names = periods.interesting(first, last)
    middle = str(periods.midway(first, last))
    for position in positions:
        days = {first, middle, last, periods.day_after(last), "2020-01-01", events[position - 1].occurred_on}
        few = chance.sample(names, min(6, len(names)))
        known = (event for event in events if event.type != forgotten)
        world = figures.World(known, position, is_whole=forgotten is None)
        for on in sorted(days):
            check.overview(world, position, on, chance.choice(names))
            check.coverage(world, position, on)
            check.staffing(world, position, on)
        for period in few if position < head else names:
            check.activities(world, position, period, None)
            for group in GROUPS if position == head else [chance.choice(GROUPS)]:
                check.activities(world, position, period, group)
            check.trainings(world, position, period)
        check.trainings(world, position, None)
        print(f"as of {position}: {check.compared} figures compared, {len(check.differences)} differ", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", help="the export of `sfs events --leaves`; - is standard input")
    parser.add_argument("--root", help="the root that the program states, base64url")
    parser.add_argument("--url", help="address of a running server")
    parser.add_argument("--key", help="API key")
    parser.add_argument("--seed", type=int, default=1, help="which positions and periods are asked")
    parser.add_argument("--positions", type=int, default=7, help="as of how many positions is asked")
    parser.add_argument("--only", choices=["M01", "M02", "M03", "M04", "M14"], help="only this read model")
    parser.add_argument("--forget", metavar="TYPE", help="leave events of a type out, to see that they are missed")
    options = parser.parse_args()
    with sys.stdin if options.events == "-" else open(options.events, encoding="utf-8") as lines:
        events = log.read(lines)
    findings = log.check(events)
    hashes = [log.leaf_hash(event.leaf_text.encode()) for event in events]
    root = log.base64url(log.root(hashes))
    print(f"{len(events)} events, root {root}")
    if options.root is not None and options.root != root:
        findings.append(f"the program states the root {options.root}")
    if options.url and not findings:
        check = Check(Server(options.url, options.key), options.only)
        if options.only is None:
            proofs.check(hashes, check, random.Random(options.seed), 20)
        check_server(events, check, options.seed, options.positions, options.forget)
        print(f"{check.compared} figures compared")
        findings += check.differences
    for finding in findings[:MOST_SHOWN]:
        print(finding)
    if len(findings) > MOST_SHOWN:
        print(f"… and {len(findings) - MOST_SHOWN} more")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
