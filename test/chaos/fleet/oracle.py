"""Checks what a fleet's chaos run has left behind against what its driver knows it landed. Shares no code with wavspool.

    oracle.py MANIFEST     prints what is wrong, a line each; exit 1 if anything is

The manifest (JSON): endpoint, bucket, accessKeyId, secretAccessKey; ledger: the address of the primary; secrets: [texts that must be in no
log]; until: when the faults ended, as YYYY-MM-DDTHH:MM in UTC; sites: [{name, incoming}]; hosts: [{name, data, incoming, copies}];
tars: [{site, path, sha256, good, recordings: [{name, sha256, size}]}], paths being relative to the incoming of their site.
"""

import json
import os
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from evidence import Bucket, left_over, secrets_in, sha256, wrong_with_bucket, wrong_with_landings, wrong_with_rows  # noqa: E402

JOB = "snapshot calls minutely"

with open(sys.argv[1], encoding="utf-8") as file:
    manifest = json.load(file)


def ledger(sql):
    """Rows of the ledger, through psql."""
    command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", manifest["ledger"], "-c"]
    text = subprocess.run([*command, f"SELECT json_agg(row) FROM ({sql}) AS row"], check=True, capture_output=True, text=True)
    return json.loads(text.stdout) if text.stdout.strip() else []


def journal(data, sql):
    """Rows of the journal of one host's jobs."""
    database = sqlite3.connect(f"file:{data}/jobs.db?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in database.execute(sql)]
    finally:
        database.close()


def wrong_with_retries():
    """P7: what was done to the fleet was nobody's fault but the fleet's."""
    for row in ledger("SELECT * FROM uploads WHERE retry_count > 0 AND wav_path IS DISTINCT FROM tar"):
        yield f"P7: {row['site']}: {row['wav_path']} spent {row['retry_count']} retries: {row['error_message']}"


def wrong_with_keys(uploads):
    """P5: no two rows of whichever sites share a key."""
    seen = {}
    for row in uploads:
        if row["key"] is not None and seen.setdefault((row["store"], row["key"]), row) is not row:
            yield f"P5: {row['key']} is the key of {row['wav_path']} and of {seen[(row['store'], row['key'])]['wav_path']}"


def wrong_with_receipts(receipts):
    """Every good tar has its receipt, and each site's receipts are one chain: numbered from 1, each naming the one before."""
    chains = {}
    for key, text in receipts.items():
        receipt = json.loads(text)
        chains.setdefault(receipt["site"], []).append((receipt["seq"], receipt["previous"], sha256(text), key, receipt))
    for site in manifest["sites"]:
        chain = sorted(chains.get(site["name"], []), key=lambda link: link[0])
        before = None
        for number, (seq, previous, digest, key, _) in enumerate(chain, 1):
            if (seq, previous) != (number, before):
                yield f"receipts of {site['name']}: {key} is number {seq} after {previous}, expected {number} after {before}"
            before = digest
        vouched = {(link[4]["tar"]["path"], link[4]["tar"]["sha256"]) for link in chain}
        for tar in manifest["tars"]:
            if tar["site"] == site["name"] and tar["good"] and (tar["path"], tar["sha256"]) not in vouched:
                yield f"receipts of {site['name']}: none of {tar['path']}"


def wrong_with_schedules(host):
    """Each minute's snapshot of a host was done once; what fell into an outage was made up for."""
    runs = journal(host["data"], f"SELECT due, outcome FROM runs WHERE job = '{JOB}' AND by = 'schedule' AND due IS NOT NULL")
    done = [run["due"] for run in runs if run["outcome"] == "done"]
    for due in sorted(set(done)):
        if done.count(due) > 1:
            yield f"{host['name']}: {JOB}, due at {due}, was done {done.count(due)} times"
    if max(done, default="") < manifest["until"]:
        yield f"{host['name']}: {JOB} was last done at {max(done, default='no time')}, it was due at {manifest['until']}"
    copies = [name for name in os.listdir(host["copies"]) if name.startswith("calls_")] if os.path.isdir(host["copies"]) else []
    if not len(done) <= len(copies) <= len(runs):
        yield f"{host['name']}: {len(copies)} copies of {len(done)} runs done, {len(runs)} begun"


bucket = Bucket(manifest)
stored = bucket.recordings()
everything = ledger("SELECT * FROM uploads")
wrong = [
    *wrong_with_retries(),
    *wrong_with_keys(everything),
    *wrong_with_bucket(manifest["tars"], stored),
    *wrong_with_receipts(bucket.receipts()),
]
for site in manifest["sites"]:
    name, incoming = site["name"], site["incoming"]
    landed = [tar for tar in manifest["tars"] if tar["site"] == name]
    uploads = [row for row in everything if row["site"] == name]
    extracted = {row["path"] for row in ledger(f"SELECT path FROM extracted_tars WHERE site = '{name}'")}
    wrong += wrong_with_landings(incoming, landed, stored, uploads, extracted)
    wrong += wrong_with_rows(incoming, landed, stored, uploads)
for host in manifest["hosts"]:
    wrong += wrong_with_schedules(host)
    wrong += left_over(host["data"], host["incoming"])
    wrong += secrets_in(f"{host['data']}/logs/wavspool.log", manifest["secrets"])

recordings = {recording["sha256"] for tar in manifest["tars"] for recording in tar["recordings"]}
print("\n".join(wrong) if wrong else f"{len(recordings)} recordings of {len(manifest['hosts'])} hosts are in the bucket as they landed")
sys.exit(1 if wrong else 0)
