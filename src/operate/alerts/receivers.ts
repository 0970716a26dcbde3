import { createHmac } from 'node:crypto';
import type { Settings } from '../../platform/config/index.ts';
import { messageOf } from '../../domain/faults.ts';
import type { AlertMessage } from './message.ts';

/** A person or a program that is told. */
export interface Receiver {
  readonly name: 'webhook' | 'email';
  /**
   * Resolves with those of several addresses that were refused. Rejects with what stood in the way, which holds no secret; it may
   * have arrived all the same.
   */
  send(message: AlertMessage, signal: AbortSignal): Promise<readonly string[]>;
}

const DEADLINE_MS = 20_000;

/** Those that the settings name. */
export function receiversOf({
  webhook,
  webhookSecret,
  webhookHeaders,
  email,
}: Settings['alerts']): readonly Receiver[] {
  return [
    ...(webhook === undefined
      ? []
      : [webhookReceiver(webhook.reveal(), webhookSecret?.reveal(), webhookHeaders ?? {})]),
    ...(email === undefined ? [] : [emailReceiver(email)]),
  ];
}

function webhookReceiver(
  address: string,
  secret: string | undefined,
  headers: NonNullable<Settings['alerts']['webhookHeaders']>,
): Receiver {
  const { host } = new URL(address);
  const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]));
  return {
    name: 'webhook',
    send: async (message, signal) => {
      const body = JSON.stringify(message);
      const answer = await fetch(address, {
        method: 'POST',
        body,
        redirect: 'manual', // followed, a POST becomes a GET, and the message is lost
        signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
        headers: {
          'content-type': 'application/json',
          'idempotency-key': message.id,
          ...(secret !== undefined && { 'x-wavspool-signature': `sha256=${signatureOf(body, secret)}` }),
          ...own,
        },
      }).catch((error: unknown) => {
        const cause =
          error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
        throw new Error(`${host}: ${messageOf(error)}${cause}`, { cause: error });
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`${host} answered ${answer.status}`);
      return [];
    },
  };
}

/** HMAC-SHA256 of the body as it is sent, in hex: the receiver can tell who sent it. */
function signatureOf(body: string, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

function emailReceiver({ server, from, to }: NonNullable<Settings['alerts']['email']>): Receiver {
  return {
    name: 'email',
    send: async ({ id, title, text, at }, signal) => {
      const { createTransport } = await import('nodemailer'); // by whom sends a letter
      const transport = createTransport({
        url: server.reveal(),
        connectionTimeout: DEADLINE_MS,
        greetingTimeout: DEADLINE_MS,
        socketTimeout: DEADLINE_MS,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      const end = (): void => transport.close();
      signal.addEventListener('abort', end, { once: true });
      try {
        const { rejected } = await transport.sendMail({
          from,
          to: [...to],
          subject: title,
          text,
          date: at,
          messageId: `<${id}@wavspool>`,
          headers: { 'Auto-Submitted': 'auto-generated' },
        });
        return rejected.map(String);
      } finally {
        signal.removeEventListener('abort', end);
        transport.close();
      }
    },
  };
}
