"""Business periods as people name them, as half-open days: the same names that the server takes."""

import datetime


def days(name):
    """First day and first day after, of `2025/26`, `2025/26-H2`, `2025`, `2025-H1`, `2025-Q3`, `2025-11`,
    `2025-01-01..2025-07-01`, `esf:2025-06-30` or `accounting:2025/26`."""
    if name.startswith("esf:"):
        return "2021-01-01", day_after(name.removeprefix("esf:"))
    if name.startswith("accounting:"):
        year = int(name.removeprefix("accounting:")[:4])
        return f"{year}-07-01", f"{year + 1}-07-01"
    if ".." in name:
        return tuple(name.split(".."))
    if "/" in name:
        year = int(name[:4])
        begin, middle, end = f"{year}-08-01", f"{year + 1}-02-01", f"{year + 1}-08-01"
        return {"": (begin, end), "H1": (begin, middle), "H2": (middle, end)}[name[8:]]
    year, _, part = name.partition("-")
    if not part:
        return months(int(year), 1, 12)
    if part.startswith("H"):
        return months(int(year), 1 if part == "H1" else 7, 6)
    if part.startswith("Q"):
        return months(int(year), int(part[1:]) * 3 - 2, 3)
    return months(int(year), int(part), 1)


def months(year, month, count):
    after = month + count
    end = f"{year + 1}-{after - 12:02}-01" if after > 12 else f"{year}-{after:02}-01"
    return f"{year}-{month:02}-01", end


def day_after(day):
    return str(datetime.date.fromisoformat(day) + datetime.timedelta(days=1))


def interesting(first, last):
    """Periods of every kind in the years between two days, and days in odd places."""
    names = []
    for year in range(int(first[:4]) - 1, int(last[:4]) + 1):
        pair = f"{year}/{(year + 1) % 100:02}"
        names += [pair, f"{pair}-H1", f"{pair}-H2", f"{year}", f"{year}-H2", f"{year}-Q4", f"accounting:{pair}"]
        names += [f"{year}-{month:02}" for month in (2, 9, 11)]
    middle = str(midway(first, last))
    names += [f"{first}..{day_after(last)}", f"{middle}..{day_after(middle)}", f"{first}..{middle}"]
    names += [f"esf:{last}", f"esf:{middle}"]
    return [name for name in names if days(name)[0] <= last and first < days(name)[1]]


def midway(first, last):
    begin = datetime.date.fromisoformat(first)
    return begin + (datetime.date.fromisoformat(last) - begin) / 2
