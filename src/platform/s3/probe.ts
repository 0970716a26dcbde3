import { hash, randomUUID } from 'node:crypto';
import { GetBucketLifecycleConfigurationCommand, type LifecycleRule } from '@aws-sdk/client-s3';
import { type FaultCode, FAULTS, WavspoolError, messageOf } from '../../domain/faults.ts';
import { checksumHeaders } from './checksums.ts';
import type { StoreFinding } from './object-store.ts';
import { type StoreDeps, getObject, headObject, headersOf, removeObject, requireField } from './objects.ts';
import { S3Fault } from './s3-faults.ts';

const METADATA = { note: 'größer, 100% and a space ' };
const BYTES = Buffer.from('wavspool was here, and removes this again');
const SHA256 = hash('sha256', BYTES, 'hex');
const WRONG_SHA256 = hash('sha256', 'something else', 'hex');

const WITH_CHECKSUM = { none: '', md5: ', with Content-MD5', sha256: ', with x-amz-checksum-sha256' };

/** What one look found: `ok` and the words for it, the remedy being for when it is not. */
type Look = Pick<StoreFinding, 'ok' | 'found'>;

/**
 * Finds out, with objects of its own below `<prefix>.wavspool-probe/`, what the store honours; they are removed again.
 * Only the caller's abort is thrown: a store fault is a finding.
 */
export async function probeStore(deps: StoreDeps, signal: AbortSignal): Promise<StoreFinding[]> {
  const below = `${deps.settings.prefix}.wavspool-probe/${randomUUID()}`;
  const key = `${below}/probe`;
  const refusedKey = `${below}/wrong-hash`;
  const look = (name: string, remedy: string, run: () => Promise<Look>) => finding(name, remedy, signal, run);

  const put = await look('put an object', 'grant s3:PutObject below s3.prefix', async () => {
    await putProbe(deps, key, SHA256, false, signal);
    return { ok: true, found: `stored${WITH_CHECKSUM[deps.checksums.whole.current()]}` };
  });
  const findings = [put];
  if (put.ok) {
    findings.push(
      await look(
        'a PUT with a wrong hash is refused',
        'the store does not check what it is sent (P4): use another store, or "audit --deep" regularly',
        () => lookAtWrongHash(deps, refusedKey, signal),
      ),
      await look(
        'a second conditional PUT gives 412',
        'the store overwrites objects (P5): keep other writers away from s3.prefix, and version the bucket',
        () => lookAtSecondPut(deps, key, signal),
      ),
      await look(
        'metadata comes back',
        'the store changes metadata: uploads cannot be recognised by it',
        () => lookAtMetadata(deps, key, signal),
      ),
      await look('the bytes come back', 'the store returns other bytes than it was sent: do not use it', () =>
        lookAtBytes(deps, key, signal),
      ),
      await look(
        'remove an object',
        'grant s3:DeleteObject below s3.prefix for the probe objects',
        async () => {
          await removeObject(deps, key, signal);
          await removeObject(deps, refusedKey, signal);
          const left = await headObject(deps, key, signal);
          return left === undefined
            ? { ok: true, found: 'removed' }
            : { ok: false, found: `${key} is still there` };
        },
      ),
    );
  }
  const rule = await look(
    'a rule aborts stale multipart uploads',
    'a lifecycle rule AbortIncompleteMultipartUpload (e.g. after 7 days) removes what a crash leaves behind also while the maintain role does not run, which does so every hour',
    () => lookAtLifecycle(deps, signal),
  );
  return [...findings, rule.ok ? rule : { ...rule, ok: true, isAdvice: true }];
}

async function finding(
  name: string,
  remedy: string,
  signal: AbortSignal,
  run: () => Promise<Look>,
): Promise<StoreFinding> {
  try {
    const look = await run();
    return { name, ...look, remedy: look.ok ? '' : remedy };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WavspoolError)) throw error;
    const code: FaultCode = error.code;
    // a fault of the store as a whole says nothing about this one trait
    const wide = FAULTS[code].retry === 'when the store is back' && code !== 'STORE_CREDENTIALS';
    return { name, ok: false, found: messageOf(error), remedy: wide ? FAULTS[code].remedy : remedy };
  }
}

async function putProbe(
  { settings, connection, checksums }: StoreDeps,
  key: string,
  sha256: string,
  onlyIfAbsent: boolean,
  signal: AbortSignal,
): Promise<void> {
  const what = `PUT ${key}`;
  // as a recording is put, so that what a bucket demands of recordings shows
  const headers = {
    ...headersOf(settings, { contentType: 'audio/wav', metadata: METADATA, sha256: SHA256 }),
    ...(onlyIfAbsent && { 'if-none-match': '*' }),
  };
  const answer = await checksums.whole.run((checksum) => {
    const own = checksumHeaders(checksum, BYTES, SHA256);
    return connection.put(what, { key, headers: { ...headers, ...own }, body: BYTES, sha256 }, signal);
  });
  requireField(answer.etag, 'ETag', what, connection);
}

async function lookAtWrongHash(deps: StoreDeps, key: string, signal: AbortSignal): Promise<Look> {
  try {
    await putProbe(deps, key, WRONG_SHA256, false, signal);
    return { ok: false, found: 'the store took bytes with a hash that is not theirs' };
  } catch (error) {
    if (error instanceof S3Fault && error.code === 'HASH_REFUSED')
      return { ok: true, found: `${error.s3Code}` };
    throw error;
  }
}

async function lookAtSecondPut(deps: StoreDeps, key: string, signal: AbortSignal): Promise<Look> {
  try {
    await putProbe(deps, key, SHA256, true, signal);
    return { ok: false, found: 'the store ignored If-None-Match' };
  } catch (error) {
    if (error instanceof S3Fault && error.code === 'KEY_TAKEN') return { ok: true, found: `${error.status}` };
    throw error;
  }
}

async function lookAtMetadata(deps: StoreDeps, key: string, signal: AbortSignal): Promise<Look> {
  const found = (await headObject(deps, key, signal))?.metadata['note'];
  return {
    ok: found === METADATA.note,
    found: found === METADATA.note ? 'unchanged' : `comes back as ${JSON.stringify(found)}`,
  };
}

async function lookAtBytes(deps: StoreDeps, key: string, signal: AbortSignal): Promise<Look> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await getObject(deps, key, signal)) chunks.push(chunk);
  const same = Buffer.concat(chunks).equals(BYTES);
  return { ok: same, found: same ? 'unchanged' : 'other bytes' };
}

async function lookAtLifecycle({ settings, connection }: StoreDeps, signal: AbortSignal): Promise<Look> {
  const command = new GetBucketLifecycleConfigurationCommand({ Bucket: settings.bucket });
  try {
    const { Rules: rules = [] } = await connection.send(
      { what: 'read the lifecycle rules', run: (client, options) => client.send(command, options) },
      signal,
    );
    const rule = rules.find((rule) => abortsBelow(rule, settings.prefix));
    if (rule === undefined) return { ok: false, found: `no such rule among ${rules.length}` };
    return { ok: true, found: `after ${rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation} days` };
  } catch (error) {
    if (error instanceof S3Fault && error.s3Code === 'NoSuchLifecycleConfiguration') {
      return { ok: false, found: 'the bucket has no lifecycle rules' };
    }
    throw error;
  }
}

/** Whether a lifecycle rule is on, aborts incomplete uploads, and is for every key below `prefix`. */
export function abortsBelow(rule: LifecycleRule, prefix: string): boolean {
  const days = rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? 0;
  // the bare Prefix is the old form of the filter, which Ceph still answers with
  const covered = rule.Filter?.Prefix ?? rule.Prefix ?? '';
  const narrowed = rule.Filter?.And !== undefined || rule.Filter?.Tag !== undefined;
  return rule.Status === 'Enabled' && days > 0 && !narrowed && prefix.startsWith(covered);
}
