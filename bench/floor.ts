import { hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import { Pool } from 'undici';
import { createPutSigner } from '../src/platform/s3/sign-put.ts';
import type { Target } from './fleet.ts';

// The least that carrying recordings from tars to a bucket can cost in Node: each is read where it lies, hashed once, signed and sent.
// It proves no tar, writes nothing down, retries nothing and can be killed at no moment without losing count. `node bench/floor.ts
// TARGET`, forked: says `ready`, is told the tars, says `done`.

const target = JSON.parse(process.argv[2] ?? '') as Target & { readonly prefix: string };
/** As many as wavspool has by its default settings. */
const IN_FLIGHT = 64;
const BLOCK = 512;
const REGION = 'us-east-1';

const { origin, host } = new URL(target.endpoint);
const pool = new Pool(origin, { connections: IN_FLIGHT, pipelining: 1 });
const sign = createPutSigner(REGION);
const idle: Buffer[] = Array.from({ length: IN_FLIGHT }, () => Buffer.alloc(0));
let wake: (() => void) | undefined;

process.once('message', (tars: readonly string[]) => {
  void carry(tars).then(() => process.send?.('done'));
});
process.send?.('ready');

async function carry(tars: readonly string[]): Promise<void> {
  for (const tar of tars) {
    const file = openSync(tar, 'r');
    for (const { name, size, offset } of membersOf(file)) {
      const memory = await freeMemory(size);
      void carryOne(name, bytesOf(file, offset, size, memory), memory);
    }
    closeSync(file);
  }
  while (idle.length < IN_FLIGHT) await oneEnds();
}

/** Never caught where it rejects: a floor that lost a recording is none, and the process ends. */
async function carryOne(name: string, body: Buffer, memory: Buffer): Promise<void> {
  await put(name, body);
  idle.push(memory);
  wake?.();
}

/** A tar of GNU tar's with short names, which is all that the bench makes. */
function* membersOf(
  file: number,
): Generator<{ readonly name: string; readonly size: number; readonly offset: number }> {
  const header = Buffer.alloc(BLOCK);
  for (let at = 0; readSync(file, header, 0, BLOCK, at) === BLOCK && header[0] !== 0;) {
    const name = header.toString('utf8', 0, header.indexOf(0));
    const size = Number.parseInt(header.toString('latin1', 124, 135), 8);
    if (header[156] === 0x30 && name.endsWith('.wav')) yield { name, size, offset: at + BLOCK };
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

async function freeMemory(size: number): Promise<Buffer> {
  while (idle.length === 0) await oneEnds();
  const memory = idle.pop() as Buffer;
  return memory.length >= size ? memory : Buffer.allocUnsafeSlow(2 * size);
}

function oneEnds(): Promise<void> {
  return new Promise((resolve) => {
    wake = resolve;
  });
}

function bytesOf(file: number, offset: number, size: number, memory: Buffer): Buffer {
  if (readSync(file, memory, 0, size, offset) < size) throw new Error(`the tar ends before ${offset + size}`);
  return memory.subarray(0, size);
}

function put(name: string, body: Buffer): Promise<void> {
  const sha256 = hash('sha256', body, 'hex');
  const path = `/${target.bucket}/${target.prefix}${posix.normalize(name)}`;
  const headers = {
    host,
    'content-length': String(body.length),
    'content-type': 'audio/wav',
    'if-none-match': '*',
    'x-amz-content-sha256': sha256,
    'x-amz-meta-sha256': sha256,
  };
  const signed = sign({ path, headers }, target, new Date().toISOString());
  return new Promise((resolve, reject) => {
    let status = 0;
    pool.dispatch(
      { method: 'PUT', path, headers: signed, body },
      {
        onRequestStart: () => undefined,
        onResponseData: () => undefined,
        onResponseStart: (_controller, statusCode) => void (status = statusCode),
        onResponseEnd: () =>
          status === 200 ? resolve() : reject(new Error(`PUT ${path} was answered ${status}`)),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}
