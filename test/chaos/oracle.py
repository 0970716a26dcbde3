"""Checks what a chaos run has left behind against what its driver knows it landed. Shares no code with wavspool.

    oracle.py MANIFEST     prints what is wrong, a line each; exit 1 if anything is

The manifest (JSON): endpoint, bucket, accessKeyId, secretAccessKey, data, incoming, secrets: [texts that must be in no log], and
tars: [{path, sha256, good, recordings: [{name, sha256, size}]}], paths being relative to incoming.
"""

import datetime
import hashlib
import hmac
import json
import os
import re
import sqlite3
import stat
import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree

with open(sys.argv[1], encoding="utf-8") as file:
    manifest = json.load(file)
wrong = []


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def s3(path, query=""):
    """A signed GET (AWS Signature Version 4)."""
    url = urllib.parse.urlparse(manifest["endpoint"])
    now = datetime.datetime.now(datetime.timezone.utc)
    day, moment, empty = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ"), sha256(b"")
    resource = "/" + urllib.parse.quote(manifest["bucket"] + path, safe="/-_.~")
    signed = "host;x-amz-content-sha256;x-amz-date"
    canonical = (
        f"GET\n{resource}\n{query}\nhost:{url.netloc}\nx-amz-content-sha256:{empty}\nx-amz-date:{moment}\n\n{signed}\n{empty}"
    )
    scope = f"{day}/us-east-1/s3/aws4_request"
    key = ("AWS4" + manifest["secretAccessKey"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(canonical.encode())}"
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(f"{manifest['endpoint']}{resource}{'?' + query if query else ''}")
    request.add_header("x-amz-date", moment)
    request.add_header("x-amz-content-sha256", empty)
    request.add_header(
        "Authorization",
        f"AWS4-HMAC-SHA256 Credential={manifest['accessKeyId']}/{scope}, SignedHeaders={signed}, Signature={signature}",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def objects():
    """SHA-256 of every object by its key; receipts are no recordings."""
    found, token = {}, None
    while True:
        query = {"list-type": "2"}
        if token:
            query["continuation-token"] = token
        encoded = "&".join(f"{k}={urllib.parse.quote(v, safe='')}" for k, v in sorted(query.items()))
        page = xml.etree.ElementTree.fromstring(s3("", encoded))
        space = page.tag.split("}")[0] + "}"
        for entry in page.iter(f"{space}Contents"):
            key = entry.find(f"{space}Key").text
            if not key.startswith(".receipts/"):
                found[key] = sha256(s3("/" + key))
        token = page.findtext(f"{space}NextContinuationToken")
        if page.findtext(f"{space}IsTruncated") != "true":
            return found


def rows(sql):
    database = sqlite3.connect(f"file:{manifest['data']}/state.db?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in database.execute(sql)]
    finally:
        database.close()


def places_of(tar, recording):
    """The keys that a recording may have: its own, below its tar's name, below its tar's name and its hash."""
    directory, name = os.path.split(tar)
    stem = re.sub(r"\.(tar|tar\.gz|tgz|tar\.zst)$", "", name)
    hashed = recording["sha256"][:12]
    return ["/".join([directory, *below, recording["name"]]) for below in ([], [stem], [stem, hashed])]


stored = objects()
uploads = rows("SELECT * FROM uploads")
tars = {row["path"]: row for row in rows("SELECT * FROM extracted_tars")}
by_path = {row["wav_path"]: row for row in uploads}
success = {}
for row in uploads:
    if row["status"] == "SUCCESS":
        success.setdefault(row["sha256"], []).append(row)

wanted, landings = set(), {}
for tar in manifest["tars"]:
    path = os.path.join(manifest["incoming"], tar["path"])
    with open(path, "rb") as file:
        if sha256(file.read()) != tar["sha256"]:
            wrong.append(f"P6: {path} has changed")
    if not tar["good"]:
        if path in tars:
            wrong.append(f"P1: the bad tar {path} counts as extracted")
        row = by_path.get(path)
        if row is None or row["status"] != "FAILED" or not row["error_message"]:
            wrong.append(f"P1: the bad tar {path} has no FAILED row that says why: {row}")
        continue
    if path not in tars:
        wrong.append(f"P1: {path} has no row in extracted_tars")
    for recording in tar["recordings"]:
        wanted.add(recording["sha256"])
        landings.setdefault(recording["sha256"], set()).add((tar["path"], recording["name"]))
        places = places_of(tar["path"], recording)
        if not any(row["key"] in places for row in success.get(recording["sha256"], [])):
            wrong.append(f"P1: {recording['name']} of {path} is no SUCCESS row at any of {places}")
        if recording["sha256"] not in [stored.get(place) for place in places]:
            wrong.append(f"P4: {recording['name']} of {path} is no object at any of {places}")

for key, digest in stored.items():
    if digest not in wanted:
        wrong.append(f"P5: the object {key} is no recording that landed: {digest}")
for digest in wanted:
    copies = [key for key, other in stored.items() if other == digest]
    if len(copies) > len(landings[digest]):
        wrong.append(f"P1: a recording is there more often than it landed: {copies}")

bad = {os.path.join(manifest["incoming"], tar["path"]) for tar in manifest["tars"] if not tar["good"]}
for row in uploads:
    if row["status"] != "SUCCESS" and row["wav_path"] not in bad:
        wrong.append(f"P1: {row['wav_path']} is {row['status']}: {row['error_message']}")
    if row["status"] == "SUCCESS" and stored.get(row["key"]) != row["sha256"]:
        wrong.append(f"P4: the object {row['key']} is not what its row says: {stored.get(row['key'])}")
    if row["status"] == "SUCCESS" and os.path.exists(row["wav_path"]):
        with open(row["wav_path"], "rb") as file:
            if sha256(file.read()) != row["sha256"]:
                wrong.append(f"P3: the file {row['wav_path']} is not what its row says")

for root in (manifest["data"], manifest["incoming"]):
    for directory, _, files in os.walk(root):
        for name in files:
            if name.startswith(".wavspool-"):
                wrong.append(f"P3: a temporary file is left: {os.path.join(directory, name)}")
for suffix in ("", "-wal", "-shm"):
    path = f"{manifest['data']}/state.db{suffix}"
    if os.path.exists(path) and stat.S_IMODE(os.stat(path).st_mode) != 0o600:
        wrong.append(f"P9: {path} has mode {stat.S_IMODE(os.stat(path).st_mode):o}")
with open(f"{manifest['data']}/logs/wavspool.log", encoding="utf-8", errors="replace") as log:
    text = log.read()
    wrong.extend("P9: the log holds a secret" for secret in manifest["secrets"] if secret in text)
if [row["integrity_check"] for row in rows("PRAGMA integrity_check")] != ["ok"]:
    wrong.append("P1: state.db is damaged")

print("\n".join(wrong) if wrong else f"{len(wanted)} recordings are in the bucket as they landed")
sys.exit(1 if wrong else 0)
