"""Inclusion and consistency proofs, computed from all leaf hashes by the recursions of RFC 9162 as they
stand there, and compared hash by hash with those that the server makes from its tiles."""

import log


def split(size):
    """The largest power of two smaller than `size`."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def inclusion(index, hashes):
    """PATH(m, D[n]) of section 2.1.3.1."""
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return [*inclusion(index, hashes[:k]), log.root(hashes[k:])]
    return [*inclusion(index - k, hashes[k:]), log.root(hashes[:k])]


def consistency(size, hashes):
    """PROOF(m, D[n]) of section 2.1.4.1; of nothing and of itself it is empty."""
    return [] if size == 0 else subproof(size, hashes, True)


def subproof(size, hashes, is_whole):
    if size == len(hashes):
        return [] if is_whole else [log.root(hashes)]
    k = split(len(hashes))
    if size <= k:
        return [*subproof(size, hashes[:k], is_whole), log.root(hashes[k:])]
    return [*subproof(size - k, hashes[k:], False), log.root(hashes[:k])]


def check(hashes, check, chance, many):
    """Asks for proofs of the whole log and of earlier trees, at the borders of tiles and elsewhere."""
    head = len(hashes)
    borders = [1, 255, 256, 257, 511, 512, 513, head // 2, head - 1, head]
    places = sorted({*borders, *(chance.randint(1, head) for _ in range(many))} & set(range(1, head + 1)))
    texts = lambda proof: [log.base64url(part) for part in proof]
    for place in places:
        size = chance.choice([head, chance.randint(place, head)])
        tree = hashes[:size]
        answer = check.server.ask("/v1/proofs/inclusion", position=place, size=size)
        where = f"inclusion of {place} in {size}"
        check.compare(f"{where}: leaf", answer["leaf_hash"], log.base64url(hashes[place - 1]))
        check.compare(f"{where}: root", answer["root"], log.base64url(log.root(tree)))
        check.compare(f"{where}: path", answer["path"], texts(inclusion(place - 1, tree)))
        answer = check.server.ask("/v1/proofs/consistency", **{"from": place, "to": size})
        where = f"consistency from {place} to {size}"
        check.compare(f"{where}: roots", answer["from_root"], log.base64url(log.root(hashes[:place])))
        check.compare(f"{where}: path", answer["path"], texts(consistency(place, tree)))
