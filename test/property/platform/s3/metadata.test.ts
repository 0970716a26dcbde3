import fc from 'fast-check';
import { expect, test } from 'vitest';
import { headerSafe, readMetadata } from '../../../../src/platform/s3/metadata.ts';

test('what goes into a header is visible ASCII and comes back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (value) => {
      const sent = headerSafe({ Tar: value });
      expect(sent['tar']).toMatch(/^[!-~]*$/);
      expect(readMetadata(sent)).toEqual({ tar: value.toWellFormed() });
    }),
  );
});
