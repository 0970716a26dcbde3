"""Checks what a chaos run has left behind against what its driver knows it landed. Shares no code with wavspool.

    oracle.py MANIFEST     prints what is wrong, a line each; exit 1 if anything is

The manifest (JSON): endpoint, bucket, accessKeyId, secretAccessKey, data, incoming, secrets: [texts that must be in no log], and
tars: [{path, sha256, good, recordings: [{name, sha256, size}]}], paths being relative to incoming.
"""

import json
import os
import sqlite3
import stat
import sys

from evidence import Bucket, left_over, secrets_in, wrong_with_bucket, wrong_with_landings, wrong_with_rows

with open(sys.argv[1], encoding="utf-8") as file:
    manifest = json.load(file)
data, incoming = manifest["data"], manifest["incoming"]
landed = [{**tar, "site": "rig"} for tar in manifest["tars"]]


def rows(sql):
    database = sqlite3.connect(f"file:{data}/state.db?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in database.execute(sql)]
    finally:
        database.close()


stored = Bucket(manifest).recordings()
uploads = rows("SELECT * FROM uploads")
extracted = {row["path"] for row in rows("SELECT path FROM extracted_tars")}

wrong = [
    *wrong_with_landings(incoming, landed, stored, uploads, extracted),
    *wrong_with_rows(incoming, landed, stored, uploads),
    *wrong_with_bucket(landed, stored),
    *left_over(data, incoming),
    *secrets_in(f"{data}/logs/wavspool.log", manifest["secrets"]),
]
for suffix in ("", "-wal", "-shm"):
    path = f"{data}/state.db{suffix}"
    if os.path.exists(path) and stat.S_IMODE(os.stat(path).st_mode) != 0o600:
        wrong.append(f"P9: {path} has mode {stat.S_IMODE(os.stat(path).st_mode):o}")
if [row["integrity_check"] for row in rows("PRAGMA integrity_check")] != ["ok"]:
    wrong.append("P1: state.db is damaged")

recordings = {recording["sha256"] for tar in landed for recording in tar["recordings"]}
print("\n".join(wrong) if wrong else f"{len(recordings)} recordings are in the bucket as they landed")
sys.exit(1 if wrong else 0)
