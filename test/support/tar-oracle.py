"""Says what a tar holds, by Python's tarfile, which shares no code with wavspool: a JSON line per path on stdin.

{"ok": true, "files": [{"name": …, "size": …, "sha256": …}, …]} for what it reads as regular files, or
{"ok": false, "error": …} where it finds no tar.
"""

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile


def unpacked(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd" or (len(data) > 3 and data[1:4] == b"\x2a\x4d\x18"):
        done = subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True)
        return done.stdout
    return data


def without_stray_block(data, at):
    """Without a single zero block at `at` that stands before a header: tarfile ends there, and tar -i reads on.

    Raises where something else stands there, or a header whose owner or time tarfile cannot read."""
    if data[at : at + 512].strip(b"\0") or not data[at + 512 : at + 1024].strip(b"\0"):
        return None
    tarfile.TarInfo.frombuf(data[at + 512 : at + 1024], "utf-8", "surrogateescape")
    return data[:at] + data[at + 512 :]


def describe(path):
    try:
        data = unpacked(path)
    except Exception as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}", "files": []}
    return describe_bytes(data)


def describe_bytes(data):
    files = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", ignore_zeros=False) as tar:
            for member in tar:
                # a field without a digit counts as 0 here, and a block whose bytes as signed numbers make 0 is no header for others
                if not data[member.offset + 148 : member.offset + 156].strip(b"\0 "):
                    return {"ok": False, "error": f"no checksum at byte {member.offset}", "files": files}
                if not member.isreg():
                    continue
                body = tar.extractfile(member).read()
                name = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                if len(body) == member.size:
                    files.append({"name": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()})
            cleaned = without_stray_block(data, tar.offset)
            if cleaned is not None:
                return describe_bytes(cleaned)
            # it ends without a word at a header whose owner or time it cannot read, where GNU tar reads on
            if data[tar.offset : tar.offset + 512].strip(b"\0"):
                return {"ok": False, "error": f"stopped at byte {tar.offset}", "files": files}
    except Exception as error:  # whatever it stumbles over is an answer too
        return {"ok": False, "error": f"{type(error).__name__}: {error}", "files": files}
    return {"ok": True, "files": files}


for line in sys.stdin:
    print(json.dumps(describe(line.rstrip("\n"))), flush=True)
