import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { SPARSE_FORMATS, sparseMember } from '../support/sparse-tars.ts';
import { makeTar, memberBlocks, paxRecords, type MadeMember } from '../support/tars.ts';

// Writes corpus/: small tars, each with features of its own, that the fuzzer begins from. Run it when a feature is added.

const body = (letter: string, bytes = 600): Buffer => Buffer.alloc(bytes, letter);
const MEMBERS: Readonly<Record<string, readonly MadeMember[]>> = {
  plain: [
    { name: 'a.wav', body: body('a') },
    { name: 'd/', type: '5' },
    { name: 'd/b.wav', body: body('b', 1) },
  ],
  empty: [],
  long: [{ name: `${'d/'.repeat(60)}n.wav`, body: body('l') }],
  pax: [
    { name: 'x', pax: { path: 'ü/päx.wav', size: '600' }, body: body('p') },
    { name: 'y.wav', pax: { mtime: '1.5' }, body: body('q') },
  ],
  links: [
    { name: 's', type: '2', linkname: '/etc' },
    { name: 's/a.wav', body: body('s') },
    { name: 'h.wav', type: '1', linkname: 'a.wav' },
  ],
  kinds: ['3', '4', '6', '7', 'S', 'V', 'Z'].map((type, i) => ({
    name: `${i}.wav`,
    type,
    body: body('k', 0),
  })),
  same: [
    { name: 'x.wav', body: body('1') },
    { name: 'x.wav', body: body('2') },
    { name: 'X.WAV', body: body('3') },
  ],
};
const tars = Object.entries(MEMBERS).map(([name, members]) => [name, makeTar(members)] as const);
const global = memberBlocks({
  name: 'g',
  type: 'g',
  body: paxRecords({ path: 'from-the-global-header.wav' }),
});
const plain = makeTar(MEMBERS['plain'] ?? []);

const sparse = SPARSE_FORMATS.map(
  (format) =>
    [
      `sparse-${format}`,
      Buffer.concat([
        sparseMember(format, 's.wav', 3000, [
          { offset: 100, bytes: body('s', 300) },
          { offset: 2000, bytes: body('t', 500) },
        ]),
        plain,
      ]),
    ] as const,
);

for (const [name, tar] of [...tars, ...sparse, ['global', Buffer.concat([global, plain])] as const]) {
  writeFileSync(join(import.meta.dirname, 'corpus', `${name}.tar`), tar);
}
writeFileSync(join(import.meta.dirname, 'corpus', 'plain.tar.gz'), gzipSync(plain));
writeFileSync(join(import.meta.dirname, 'corpus', 'plain.tar.zst'), zstdCompressSync(plain));
