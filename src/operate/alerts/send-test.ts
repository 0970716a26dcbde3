import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { messageOf } from '../../domain/faults.ts';
import type { Settings } from '../../platform/config/index.ts';
import { messageOfNews } from './message.ts';
import { receiversOf } from './receivers.ts';

/** Sends one message to each receiver that the settings name; resolves with why it was not taken, undefined where it was. */
export async function sendTest(
  { site, alerts }: Pick<Settings, 'site' | 'alerts'>,
  now: number,
  signal: AbortSignal,
): Promise<readonly { readonly receiver: string; readonly refused: string | undefined }[]> {
  const problem = {
    id: 'test',
    since: null,
    what: 'An operator tests whether alerts arrive.',
    effect: 'It has none.',
    remedy: 'Nothing has to be done.',
    command: null,
  };
  const news = [{ status: 'new' as const, problem, seenAt: now }];
  const message = messageOfNews(news, { id: randomUUID(), site, host: hostname(), now });
  return Promise.all(
    receiversOf(alerts).map(async (receiver) => {
      const refused = await receiver
        .send(message, signal)
        .then((some) => some.join(', ') || undefined, messageOf);
      return { receiver: receiver.name, refused };
    }),
  );
}
