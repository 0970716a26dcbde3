"""What the oracles of the chaos runs see for themselves: the bucket, and what a tar's recordings may be called in it. No code of wavspool."""

import datetime
import hashlib
import hmac
import os
import re
import urllib.parse
import urllib.request
import xml.etree.ElementTree

RECEIPTS = ".receipts/"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Bucket:
    """A bucket, asked with the keys of a manifest: endpoint, bucket, accessKeyId, secretAccessKey."""

    def __init__(self, manifest):
        self.manifest = manifest

    def get(self, path, query=""):
        """A signed GET (AWS Signature Version 4)."""
        manifest = self.manifest
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

    def keys(self):
        """Every key, receipts too."""
        token = None
        while True:
            query = {"list-type": "2"}
            if token:
                query["continuation-token"] = token
            encoded = "&".join(f"{k}={urllib.parse.quote(v, safe='')}" for k, v in sorted(query.items()))
            page = xml.etree.ElementTree.fromstring(self.get("", encoded))
            space = page.tag.split("}")[0] + "}"
            for entry in page.iter(f"{space}Contents"):
                yield entry.find(f"{space}Key").text
            token = page.findtext(f"{space}NextContinuationToken")
            if page.findtext(f"{space}IsTruncated") != "true":
                return

    def recordings(self):
        """SHA-256 of every object by its key; receipts are no recordings."""
        return {key: sha256(self.get("/" + key)) for key in self.keys() if not key.startswith(RECEIPTS)}

    def receipts(self):
        """The text of every receipt by its key."""
        return {key: self.get("/" + key) for key in self.keys() if key.startswith(RECEIPTS)}


def places_of(tar, recording):
    """The keys that a recording may have: its own, below its tar's name, below that and its hash, below its hash; or one of its site alone."""
    directory, name = os.path.split(tar["path"])
    stem = re.sub(r"\.(tar|tar\.gz|tgz|tar\.zst)$", "", name)
    hashed = recording["sha256"][:12]
    directories = ["/".join([directory, *below]) for below in ([], [stem], [stem, hashed], [hashed])]
    of_site = [f"{one}/{hashed}/{tar['site']}" for one in directories]
    return [f"{one}/{recording['name']}" for one in [*directories, *of_site]]


def places_by_recording(tars):
    """The keys that may be of a recording, by its directory, name and hash: two tars of a directory with equal bytes are one recording."""
    places = {}
    for tar in tars:
        for recording in tar["recordings"]:
            places.setdefault(identity(tar, recording), set()).update(places_of(tar, recording))
    return places


def identity(tar, recording):
    return (os.path.dirname(tar["path"]), recording["name"], recording["sha256"])


def wrong_with_landings(incoming, tars, stored, uploads, extracted):
    """What is wrong with what came of the tars of one landing directory, a line each. `stored` is Bucket.recordings(), the others rows."""
    by_path = {row["wav_path"]: row for row in uploads}
    every_place = places_by_recording(tars)
    success = {}
    for row in uploads:
        if row["status"] == "SUCCESS":
            success.setdefault(row["sha256"], []).append(row)
    for tar in tars:
        path = os.path.join(incoming, tar["path"])
        with open(path, "rb") as file:
            if sha256(file.read()) != tar["sha256"]:
                yield f"P6: {path} has changed"
        if not tar["good"]:
            if path in extracted:
                yield f"P1: the bad tar {path} counts as extracted"
            row = by_path.get(path)
            if row is None or row["status"] != "FAILED" or not row["error_message"]:
                yield f"P1: the bad tar {path} has no FAILED row that says why: {row}"
            continue
        if path not in extracted:
            yield f"P1: {path} has no row in extracted_tars"
        for recording in tar["recordings"]:
            places = sorted(every_place[identity(tar, recording)])
            if not any(row["key"] in places for row in success.get(recording["sha256"], [])):
                yield f"P1: {recording['name']} of {path} is no SUCCESS row at any of {places}"
            if recording["sha256"] not in [stored.get(place) for place in places]:
                yield f"P4: {recording['name']} of {path} is no object at any of {places}"


def wrong_with_rows(incoming, tars, stored, uploads):
    """What is wrong with the rows of one site: each is a recording that is stored as it says, or a bad tar."""
    bad = {os.path.join(incoming, tar["path"]) for tar in tars if not tar["good"]}
    for row in uploads:
        if row["status"] != "SUCCESS" and row["wav_path"] not in bad:
            yield f"P1: {row['wav_path']} is {row['status']}: {row['error_message']}"
        if row["status"] == "SUCCESS" and stored.get(row["key"]) != row["sha256"]:
            yield f"P4: the object {row['key']} is not what its row says: {stored.get(row['key'])}"
        if row["status"] == "SUCCESS" and os.path.exists(row["wav_path"]):
            with open(row["wav_path"], "rb") as file:
                if sha256(file.read()) != row["sha256"]:
                    yield f"P3: the file {row['wav_path']} is not what its row says"


def wrong_with_bucket(tars, stored):
    """Objects that nobody landed, and recordings that are there more often than they landed. `tars` of all hosts, each with its `site`."""
    landings = {}
    for tar in tars:
        for recording in tar["recordings"]:
            place = (tar["site"], tar["path"], recording["name"])
            landings.setdefault(recording["sha256"], set()).add(place)
    copies = {}
    for key, digest in stored.items():
        copies.setdefault(digest, []).append(key)
        if digest not in landings:
            yield f"P5: the object {key} is no recording that landed: {digest}"
    for digest, keys in copies.items():
        if digest in landings and len(keys) > len(landings[digest]):
            yield f"P1: a recording is there more often than it landed: {keys}"


def left_over(*roots):
    """Temporary files that nobody renamed or removed."""
    for root in roots:
        for directory, _, files in os.walk(root):
            for name in files:
                if name.startswith(".wavspool-"):
                    yield f"P3: a temporary file is left: {os.path.join(directory, name)}"


def secrets_in(log_path, secrets):
    """Secrets that stand in a log."""
    with open(log_path, encoding="utf-8", errors="replace") as log:
        text = log.read()
    return (f"P9: {log_path} holds a secret" for secret in secrets if secret in text)
