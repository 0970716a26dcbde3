import { expect, test } from 'vitest';
import { fileNames } from '../../../../src/maintenance/retention/file-names.ts';

const AT = Date.parse('2026-11-20T14:03:20Z');

test.each([
  ['{name}_{YYYY-MM-DD}.db', 'none', 'shop_2026-11-20.db'],
  ['{name}_{YYYY-MM-DD}.db', 'gzip', 'shop_2026-11-20.db.gz'],
  ['{name}_{YYYY-MM-DD}.db.zst', 'zstd', 'shop_2026-11-20.db.zst'],
  ['state.db.backup_{YYYYMMDD}', 'none', 'state.db.backup_20261120'],
] as const)(
  '%s stored as %s is called %s, and is known again however it is stored',
  (file, compress, name) => {
    const names = fileNames(file, 'UTC', { name: 'shop' });
    expect(names.format(AT, compress)).toBe(name);
    const stem = name.replace(/\.(?:gz|zst)$/, '');
    for (const known of [stem, `${stem}.gz`, `${stem}.zst`])
      expect(names.parse(known)).toMatchObject({ from: Date.parse('2026-11-20') });
    for (const foreign of [`${stem}.old`, `${stem}.gz.gz`, `x${stem}`, `${stem}.sha256`])
      expect(names.parse(foreign)).toBeUndefined();
  },
);
