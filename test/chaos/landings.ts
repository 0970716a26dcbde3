import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Sshd } from '../support/sshd.ts';
import { makeTar } from '../support/tars.ts';
import { makeWav } from '../support/wavs.ts';
import type { Numbers } from './numbers.ts';

/** What the driver knows of a tar that it landed; the oracle holds everything against it. */
export interface Landed {
  /** Relative to the landing directory. */
  readonly path: string;
  readonly sha256: string;
  /** False for one that cannot be extracted: it must end as a failed tar. */
  readonly good: boolean;
  readonly recordings: readonly { readonly name: string; readonly sha256: string; readonly size: number }[];
}

const KINDS = ['', '', '', '.gz', '.zst'] as const;

/** One recording in so many is large enough to go in parts. */
const ONE_LARGE_IN = 400;
const LARGE_BYTES = 6 * 1024 * 1024;

/** A tar that is to land: what the driver knows of it, and its bytes. */
export interface Made extends Landed {
  readonly tar: Buffer;
}

/** Makes tars as phone systems do: some are bad, some names come twice, some whole tars. The names of the tars begin with `prefix`. */
export function tarMaker(number: Numbers, prefix = ''): { next(): Made } {
  let tars = 0;
  let lastBody: Buffer = Buffer.alloc(0);
  let lastGood = {
    kind: '' as (typeof KINDS)[number],
    tar: makeTar([]),
    good: true,
    recordings: recordingsOf([]),
  };

  const compose = (): { members: { name: string; body: Buffer }[] } => {
    const members = Array.from({ length: 1 + number(25) }, (_, i) => {
      const codec = (['pcm16', 'ulaw', 'alaw', 'gsm610', 'pcm8'] as const)[number(5)] ?? 'pcm16';
      const shape = { codec, sampleRate: 8000, channels: 1 + number(2), seed: number(2 ** 30) };
      const call = makeWav({ ...shape, seconds: 0.1 + number(40) / 10 });
      const body = number(ONE_LARGE_IN) === 0 ? Buffer.alloc(LARGE_BYTES + number(LARGE_BYTES), call) : call;
      // names that come again in other tars of the directory, with other bytes and sometimes with the same
      const again = number(6) === 0;
      const name = again ? 'again.wav' : `call-${tars}-${i}${number(2) === 0 ? '.wav' : '.WAV'}`;
      const same = again && number(3) === 0 && lastBody.length > 0;
      if (again && !same) lastBody = body;
      return { name, body: same ? lastBody : body };
    });
    return { members: members.filter((one, i) => members.findIndex(({ name }) => name === one.name) === i) };
  };

  return {
    next: () => {
      tars += 1;
      const { members } = compose();
      const kind = KINDS[number(KINDS.length)] ?? '';
      const plain = makeTar([...members, { name: 'list.csv', body: Buffer.from('no recording') }]);
      const whole = kind === '.gz' ? gzipSync(plain) : kind === '.zst' ? zstdCompressSync(plain) : plain;
      const good = number(12) !== 0;
      const tar = good ? whole : damaged(whole, number);
      const sent =
        number(15) === 0 ? lastGood : { kind, tar, good, recordings: good ? recordingsOf(members) : [] };
      if (sent.good) lastGood = sent; // it may come a second time, under another name
      return {
        path: `crm/day-${number(3)}/${prefix}${tars}.tar${sent.kind}`,
        sha256: sha256Of(sent.tar),
        good: sent.good,
        recordings: sent.recordings,
        tar: sent.tar,
      };
    },
  };
}

/** Lands the tars of a maker through SFTP, or by a rename on the host. */
export function lander(sshd: Sshd, number: Numbers): { next(): Promise<Landed> } {
  const maker = tarMaker(number);
  return {
    next: async () => {
      const { tar, ...landed } = maker.next();
      await land(sshd, number(3) === 0, landed.path, tar);
      return landed;
    },
  };
}

function recordingsOf(members: readonly { name: string; body: Buffer }[]): Landed['recordings'] {
  return members.map(({ name, body }) => ({ name, sha256: sha256Of(body), size: body.length }));
}

/** Cut, or with garbage where a header was: either way no honest extractor takes it. */
function damaged(tar: Buffer, number: Numbers): Buffer {
  if (number(2) === 0) return tar.subarray(0, 1 + number(Math.max(1, Math.floor(tar.length / 2))));
  return Buffer.concat([Buffer.alloc(512, 'x'), tar]);
}

async function land(sshd: Sshd, bySftp: boolean, path: string, tar: Buffer): Promise<void> {
  if (!bySftp) {
    const target = join(sshd.incoming, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.part`, tar);
    return rename(`${target}.part`, target);
  }
  const local = join(sshd.workDirectory, 'landing');
  await writeFile(local, tar);
  await mkdir(dirname(join(sshd.incoming, path)), { recursive: true });
  await chmod(dirname(join(sshd.incoming, path)), 0o777); // the driver made it, the client is another user
  const { exitCode, stderr } = await sshd.sftp([`put ${local} /incoming/${path}`], { limitKbps: 20_000 });
  if (exitCode !== 0) throw new Error(`sftp: ${stderr}`);
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
