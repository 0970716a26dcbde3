import { signal } from '@preact/signals';
import { post } from '../api.ts';
import { splitPath, visible } from '../format.ts';
import { about } from '../sites.ts';
import { doing } from './doing.ts';

interface Taken {
  readonly tars: readonly { readonly state: 'queued' | 'known' }[];
}

/** How often something was taken: who lists what is not looks anew. */
export const takings = signal(0);

/** Queues a tar for extraction now, and tells whether it is; one that is known stays as it is. */
export async function takeTar(what: string, path: string, site?: string): Promise<void> {
  const name = visible(splitPath(path).name);
  await doing(
    what,
    () => post<Taken>(about('/api/ingest', site), { tars: [path] }),
    ({ tars: [taken] }) =>
      taken?.state === 'queued'
        ? `${name} is queued for extraction`
        : {
            tone: 'warn',
            text: `${name} stays as it is: it is under way, was extracted byte for byte, or has failed for good`,
          },
  );
  takings.value += 1;
}
