import { describe, expect, test } from 'vitest';
import { WavspoolError, type FaultCode } from '../../../../src/domain/faults.ts';
import { S3Fault } from '../../../../src/platform/s3/index.ts';
import {
  askStore,
  findingOf,
  outageProbe,
  type Judgement,
} from '../../../../src/ingest/upload/outage-probe.ts';

const never = new AbortController().signal;

function refusal(code: FaultCode, status: number, s3Code?: string): S3Fault {
  return new S3Fault(code, `${status} ${s3Code ?? ''}`, { status, s3Code }, new Error('the answer'));
}
const DENIED = refusal('STORE_CREDENTIALS', 403, 'AccessDenied');
const REVOKED = refusal('STORE_CREDENTIALS', 403, 'InvalidAccessKeyId');
const PAGE = refusal('STORE_NOT_S3', 403);
const NO_LOCK = refusal('OBJECT_REJECTED', 400, 'InvalidRequest');
const LOST = new WavspoolError('CONNECTION_LOST', 'reset');

const answer = (error: Error | undefined) => async (): Promise<void> => {
  if (error !== undefined) throw error;
};

/** A store whose answers to the three questions are these; undefined: it serves. */
function store(body?: Error, list?: Error, write: Error | undefined = body) {
  return { check: answer(list), checkBody: answer(body), checkWrite: answer(write) };
}

const judgementOf = (error: unknown, asked: ReturnType<typeof store>): Promise<Judgement> =>
  outageProbe(asked)(error, 1000);
const codeOf = ({ error }: Judgement): unknown => (error instanceof WavspoolError ? error.code : undefined);

describe('what the store refuses for one key while it takes another is that key’s own', () => {
  test.each<[string, Error, FaultCode]>([
    ['403', DENIED, 'OBJECT_REJECTED'],
    [
      '403 with a signature that only this key breaks',
      refusal('STORE_CREDENTIALS', 403, 'SignatureDoesNotMatch'),
      'OBJECT_REJECTED',
    ],
    ['404', refusal('STORE_BUCKET', 404), 'OBJECT_REJECTED'],
    ['405', refusal('STORE_NOT_S3', 405, 'MethodNotAllowed'), 'OBJECT_REJECTED'],
    ['a page', PAGE, 'OBJECT_REJECTED'],
    ['400', NO_LOCK, 'OBJECT_REJECTED'],
    ['a lost connection', LOST, 'CONNECTION_LOST'],
    ['500', refusal('STORE_ERROR', 500, 'InternalError'), 'STORE_ERROR'],
  ])('P7: %s', async (_, error, code) => {
    const judgement = await judgementOf(error, store());
    expect([codeOf(judgement), judgement.evidence]).toEqual([code, 'serves']);
  });
});

describe('what the store refuses for every key is the store’s', () => {
  test.each<[string, Error, ReturnType<typeof store>, FaultCode]>([
    ['no right to write', DENIED, store(DENIED), 'STORE_CREDENTIALS'],
    ['no right to anything', DENIED, store(DENIED, DENIED), 'STORE_CREDENTIALS'],
    ['an unknown key', REVOKED, store(REVOKED, REVOKED), 'STORE_CREDENTIALS'],
    ['a page for everything', PAGE, store(PAGE, PAGE), 'STORE_NOT_S3'],
    ['a checksum that the bucket demands of all', NO_LOCK, store(NO_LOCK), 'STORE_REFUSING'],
    ['connections that are lost', LOST, store(LOST), 'STORE_UNREACHABLE'],
    ['errors', refusal('STORE_ERROR', 500), store(refusal('STORE_ERROR', 500)), 'STORE_FAILING'],
    [
      'a refusal here, and by now no server listens',
      DENIED,
      store(new WavspoolError('STORE_UNREACHABLE', 'gone')),
      'STORE_UNREACHABLE',
    ],
    ['SlowDown, whatever is asked', refusal('STORE_THROTTLED', 503, 'SlowDown'), store(), 'STORE_THROTTLED'],
  ])('P7: %s', async (_, error, asked, code) => {
    const judgement = await judgementOf(error, asked);
    expect([codeOf(judgement), judgement.evidence]).toEqual([code, 'away']);
  });
});

test('a question that is itself denied says nothing of a 400, and of a lost connection only that it may be either', async () => {
  expect((await judgementOf(NO_LOCK, store(DENIED))).evidence).toBe('none');
  expect((await judgementOf(LOST, store(DENIED))).evidence).toBe('suspicious');
});

test('what is wrong with the file is not asked about, and an answer about the object is proof enough', async () => {
  const asked = store(LOST);
  expect((await judgementOf(new WavspoolError('RECORDING_CHANGED', 'changed'), asked)).evidence).toBe('none');
  expect((await judgementOf(new WavspoolError('KEY_TAKEN', 'taken'), asked)).evidence).toBe('serves');
});

test('failures that come together share one question', async () => {
  let asked = 0;
  const probe = outageProbe({
    ...store(),
    checkBody: async () => {
      asked += 1;
    },
  });
  await Promise.all(Array.from({ length: 9 }, () => probe(LOST, 10)));
  expect(asked).toBe(1);
});

test.each<[string, ReturnType<typeof store>, object]>([
  ['it takes a body', store(), { kind: 'serves' }],
  ['a policy forbids the probe’s key', store(DENIED), { kind: 'unsure', code: 'STORE_CREDENTIALS' }],
  [
    'a policy allows nothing but recordings',
    store(DENIED, DENIED),
    { kind: 'unsure', code: 'STORE_CREDENTIALS' },
  ],
  ['the key is not known', store(REVOKED, REVOKED), { kind: 'away', code: 'STORE_CREDENTIALS' }],
  [
    'the bucket is gone',
    store(refusal('STORE_BUCKET', 404, 'NoSuchBucket'), refusal('STORE_BUCKET', 404, 'NoSuchBucket')),
    { kind: 'away', code: 'STORE_BUCKET' },
  ],
  ['a filter dislikes the probe’s key', store(PAGE), { kind: 'unsure', code: 'STORE_NOT_S3' }],
  ['bodies are cut', store(LOST), { kind: 'away', code: 'STORE_UNREACHABLE' }],
  ['every object is refused', store(NO_LOCK), { kind: 'unsure', code: 'STORE_REFUSING' }],
])('what a probe finds: %s', async (_, asked, finding) => {
  expect(findingOf(await askStore(asked, 1000, false, never))).toMatchObject(finding);
});

test('only a whole write sees a store that refuses wrong hashes and stores nothing', async () => {
  const failing = store(undefined, undefined, refusal('STORE_ERROR', 500));
  expect(findingOf(await askStore(failing, 1000, false, never)).kind).toBe('serves');
  expect(findingOf(await askStore(failing, 1000, true, never))).toMatchObject({
    kind: 'away',
    code: 'STORE_FAILING',
  });
});
