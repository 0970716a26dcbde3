import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { faultCode } from '../../src/domain/faults.ts';
import {
  proveComplete,
  readTar,
  type Completeness,
  type ReadTarOptions,
  type TarMember,
} from '../../src/platform/tar/index.ts';

/** A directory for the tests of one file, removed behind them. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tar-test-'));
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  return directory;
}

export type ReadMember = Pick<TarMember, 'name' | 'kind' | 'size' | 'target'> & { readonly body: Buffer };

/** All members with their bodies. */
export async function readAll(path: string, options: ReadTarOptions = {}): Promise<ReadMember[]> {
  const members: ReadMember[] = [];
  for await (const { name, kind, target, size, body } of readTar(path, options)) {
    members.push({ name, kind, target, size, body: await bodyOf(body) });
  }
  return members;
}

export async function bodyOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(Buffer.from(part)); // good until the next is asked for
  return Buffer.concat(parts);
}

const VERDICTS: Readonly<Record<string, 'incomplete' | 'corrupt'>> = {
  TAR_INCOMPLETE: 'incomplete',
  TAR_CORRUPT: 'corrupt',
  TAR_UNSUPPORTED: 'corrupt',
};

/** A verdict without what only a proof knows of the end. */
export type Verdict =
  | { readonly kind: 'complete'; readonly members: number; readonly bytes: number }
  | { readonly kind: 'incomplete' | 'corrupt'; readonly reason: string };

/** What reading and proving say about `tar`; fails when the two do not agree, to the word. */
export async function verdictOf(path: string, tar: Buffer): Promise<Verdict> {
  const proved = withoutEnd(await proofOf(path, tar));
  const read = await verdictOfReading(path);
  if (JSON.stringify(proved) !== JSON.stringify(read)) {
    throw new Error(`proved ${JSON.stringify(proved)}, read ${JSON.stringify(read)}`);
  }
  return proved;
}

/** What proving says about `tar`. */
export async function proofOf(path: string, tar: Buffer): Promise<Completeness> {
  writeFileSync(path, tar);
  return proveComplete(path);
}

function withoutEnd(proof: Completeness): Verdict {
  if (proof.kind === 'complete') return { kind: proof.kind, members: proof.members, bytes: proof.bytes };
  return { kind: proof.kind, reason: proof.reason };
}

async function verdictOfReading(path: string): Promise<Verdict> {
  try {
    const members = await readAll(path);
    const bytes = members.reduce((sum, { size }) => sum + size, 0);
    return { kind: 'complete', members: members.length, bytes };
  } catch (error) {
    const kind = VERDICTS[faultCode(error)];
    if (!(error instanceof Error) || kind === undefined) throw error;
    return { kind, reason: error.message };
  }
}
