"""Writes the test vectors of this directory with nothing but Python's standard library.

The product's code is not asked: ChaCha20, Poly1305 and HKDF are written out here from RFC 8439,
draft-irtf-cfrg-xchacha-03 and RFC 5869, and checked against a vector of each first. What is stored
for ever must open for ever, so the files beside this script never change; run it to see that it
still gives them:

    python3 vectors.py --check
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys
import uuid

HERE = pathlib.Path(__file__).parent


def rotate(value, bits):
    return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF


def rounds(state):
    x = list(state)

    def quarter(a, b, c, d):
        x[a] = (x[a] + x[b]) & 0xFFFFFFFF; x[d] = rotate(x[d] ^ x[a], 16)
        x[c] = (x[c] + x[d]) & 0xFFFFFFFF; x[b] = rotate(x[b] ^ x[c], 12)
        x[a] = (x[a] + x[b]) & 0xFFFFFFFF; x[d] = rotate(x[d] ^ x[a], 8)
        x[c] = (x[c] + x[d]) & 0xFFFFFFFF; x[b] = rotate(x[b] ^ x[c], 7)

    for _ in range(10):
        quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15)
        quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14)
    return x


CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")


def chacha20_block(key, counter, nonce):
    state = [*CONSTANTS, *struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce)]
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(rounds(state), state)))


def hchacha20(key, nonce):
    x = rounds([*CONSTANTS, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce)])
    return struct.pack("<8I", *x[:4], *x[12:])


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for start in range(0, len(message), 16):
        block = message[start:start + 16] + b"\x01"
        total = (total + int.from_bytes(block, "little")) * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def padded16(data):
    return data + bytes(-len(data) % 16)


def xchacha20_poly1305(key, nonce, aad, plain):
    key, nonce = hchacha20(key, nonce[:16]), bytes(4) + nonce[16:]
    stream = b"".join(chacha20_block(key, 1 + n, nonce) for n in range((len(plain) + 63) // 64))
    text = bytes(a ^ b for a, b in zip(plain, stream))
    lengths = struct.pack("<QQ", len(aad), len(text))
    return text + poly1305(chacha20_block(key, 0, nonce)[:32], padded16(aad) + padded16(text) + lengths)


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def hkdf32(key, info):
    return mac(mac(bytes(32), key), info, b"\x01")


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def check_the_primitives():
    # draft-irtf-cfrg-xchacha-03, A.3.1.
    plain = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
             b"future, sunscreen would be it.")
    sealed = xchacha20_poly1305(bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58)),
                                bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), plain)
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49", "XChaCha20-Poly1305"
    assert sealed[:8].hex() == "bd6d179d3e83d43b", "XChaCha20-Poly1305"
    # RFC 5869, A.3.
    assert hkdf32(b"\x0b" * 22, b"").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    # RFC 9901, 4.2.3.
    disclosure = b64u('["_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius"]'.encode())
    digest = b64u(hashlib.sha256(disclosure.encode()).digest())
    assert digest == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0", "RFC 9901"


def sized(text):
    return struct.pack(">I", len(text.encode())) + text.encode()


def pad(plain):
    """ISO/IEC 7816-4 to a multiple of 64 bytes, so that `true` is as long as `false`."""
    return plain + b"\x80" + bytes(-(len(plain) + 1) % 64)


def sealed_slot(name, key, nonce, origin, event, slot, event_type, plain):
    place = struct.pack(">H", slot)
    slot_key = hkdf32(key, b"slot" + event.bytes + place)
    aad = b"sfs slot 1" + sized(origin) + event.bytes + place + sized(event_type)
    data = nonce + xchacha20_poly1305(slot_key, nonce, aad, pad(plain.encode()))
    return {"name": name, "key": key.hex(), "nonce": nonce.hex(), "origin": origin, "event": str(event),
            "slot": slot, "type": event_type, "plain": plain, "stored": b64u(data),
            "digest": b64u(hashlib.sha256(data).digest())}


def commitment(key, event, name, value):
    salt = mac(key, b"sd", event.bytes, name.encode())[:16]
    disclosure = b64u(json.dumps([b64u(salt), name, value], ensure_ascii=False, separators=(",", ":")).encode())
    return {"key": key.hex(), "event": str(event), "name": name, "value": value, "disclosure": disclosure,
            "digest": b64u(hashlib.sha256(disclosure.encode()).digest())}


def wrapped(kek, version, nonce, owner, purpose, key_id, key):
    aad = b"sfs key 1" + key_id.bytes + owner.bytes + sized(purpose) + struct.pack(">I", version)
    return {"kek": kek.hex(), "version": version, "nonce": nonce.hex(), "owner": str(owner), "purpose": purpose,
            "id": str(key_id), "key": key.hex(), "stored": b64u(nonce + xchacha20_poly1305(kek, nonce, aad, key))}


def vectors():
    one, two = bytes(range(32)), bytes(range(32, 64))
    nonce, event = bytes(range(100, 124)), uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    other = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8058")
    origin = "ledger.example.org/sfs/1"
    yield "sealed.json", [
        sealed_slot("a flag", one, nonce, origin, event, 0, "participation.registered.v1", "true"),
        sealed_slot("the other flag is as long", one, nonce, origin, event, 1, "participation.registered.v1", "false"),
        sealed_slot("63 bytes are one block", two, nonce, origin, event, 0, "case.opened.v1", '"' + 61 * "x" + '"'),
        sealed_slot("64 bytes are two", two, nonce, origin, event, 65535, "case.opened.v1", '"' + 62 * "x" + '"'),
        sealed_slot("a structure", two, nonce, "demo", other, 2, "case.opened.v2", '{"a":"ä","b":[1,null]}'),
    ]
    yield "commitments.json", [
        commitment(one, event, "gender", "f"),
        commitment(two, event, "gender", "f"),
        commitment(one, other, "gender", "f"),
        commitment(one, event, "age_at_entry", 17),
        commitment(one, event, "disability", False),
        commitment(one, event, "line", "a\"\\/\n\u0001\u007fß\U0001F600"),
    ]
    yield "wrapped.json", [
        wrapped(two, 1, nonce, event, "identity", other, one),
        wrapped(two, 4294967295, nonce, event, "special_category", other, one),
    ]


if __name__ == "__main__":
    check_the_primitives()
    for file, content in vectors():
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        if "--check" in sys.argv:
            assert (HERE / file).read_text(encoding="utf-8") == text, file
        else:
            (HERE / file).write_text(text, encoding="utf-8")
