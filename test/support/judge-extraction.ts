import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { TEMPORARY_PREFIX } from '../../src/platform/runtime/index.ts';
import { proveComplete } from '../../src/platform/tar/index.ts';
import type { Extracted, ExtractionBench } from './extraction.ts';
import type { OracleSays } from './tar-oracle.ts';

/** What a bad tar may be called; UNKNOWN would be a fault of ours. */
const FAULTS_OF_A_TAR = ['TAR_INCOMPLETE', 'TAR_CORRUPT', 'TAR_TOO_LARGE'];

/**
 * Extracts the tar and holds the outcome against what must be true of every tar, however hostile (P1, P3, P5, P8): nothing
 * outside of the directory changes; a bad tar leaves nothing; a good one a file with its hash, or a FAILED row that says why,
 * for every recording that the oracle sees, and nothing that it does not see. Throws an AssertionError.
 */
export async function extractAndJudge(
  bench: ExtractionBench,
  path: string,
  oracle: OracleSays | undefined,
): Promise<Extracted> {
  const around = await bench.surroundings();
  const before = await bench.files();
  const proof = await proveComplete(path);
  const outcome = await bench.extract(path);
  const after = await bench.files();

  assert.deepEqual(await bench.surroundings(), around, 'nothing outside of the directory changes');
  const temporary = Object.keys(after).filter((name) => basename(name).startsWith(TEMPORARY_PREFIX));
  assert.deepEqual(temporary, [], 'no temporary file is left');
  if (outcome.fault !== undefined) {
    assert.ok(
      FAULTS_OF_A_TAR.includes(outcome.fault),
      `a fault of the tar: ${outcome.fault}, ${outcome.message}`,
    );
    assert.ok(outcome.message.includes(path), `the message names the tar: ${outcome.message}`);
    assert.deepEqual(after, before, 'a bad tar leaves nothing');
    assert.deepEqual(outcome.rows, []);
    return outcome;
  }
  const mayEndSo = proof.kind === 'incomplete' && proof.ending === 'one zero block'; // all members were before it
  assert.ok(proof.kind === 'complete' || mayEndSo, 'what was extracted was complete');
  for (const { path: file, sha256, status } of outcome.rows) {
    if (status !== 'PENDING') continue;
    assert.equal(after[file.slice(bench.extracted.length + 1)], sha256, `${file} is what its row says`);
  }
  if (oracle?.ok === true) judgeByOracle(outcome, oracle);
  return outcome;
}

function judgeByOracle({ rows }: Extracted, { files }: OracleSays): void {
  const seen = new Set(files.map(({ sha256 }) => sha256));
  const kept = new Set(rows.filter(({ status }) => status === 'PENDING').map(({ sha256 }) => sha256));
  const refused = rows.filter(({ status }) => status === 'FAILED').length;
  for (const sha256 of kept) assert.ok(seen.has(sha256 ?? ''), `the oracle sees what was taken: ${sha256}`);
  const lost = files.filter(({ name, sha256 }) => /\.wav$/i.test(name) && !kept.has(sha256));
  const names = new Set(lost.map(({ name }) => name)); // refused members of one name share a row
  assert.ok(names.size <= refused, `the oracle sees recordings that have no row: ${JSON.stringify(lost)}`);
}
