import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

// An S3 server that keeps nothing: it reads each body to its end, remembers key, size and hash, and answers after so many
// milliseconds. `node bench/sink.ts PORT MILLISECONDS`. What is measured against it is the client.

const [port = '0', delay = '0'] = process.argv.slice(2);
const delayMs = Number(delay);
const objects = new Map<string, Stored>();
/** Bytes of the parts of each upload that is under way. */
const parts = new Map<string, number>();
let begun = 0;

interface Stored {
  readonly bytes: number;
  /** What the client said of it. */
  readonly sha256: string;
}

const ETAG = '"00000000000000000000000000000000-1"'; // not an MD5, so that no client compares it with one
const LAST_MODIFIED = 'Fri, 20 Nov 2026 12:00:00 GMT';
const NO_UPLOADS =
  '<?xml version="1.0" encoding="UTF-8"?><ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>';
const EMPTY_LIST =
  '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>';

function answer(request: IncomingMessage, response: ServerResponse, bytes: number): void {
  const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://sink');
  const known = objects.get(path);
  const upload = searchParams.get('uploadId');
  if (searchParams.has('uploads') || upload !== null) {
    answerInParts(request, response, path, upload, bytes);
  } else if (request.method === 'PUT') {
    if (request.headers['if-none-match'] === '*' && known !== undefined) {
      response.writeHead(412).end();
      return;
    }
    objects.set(path, { bytes, sha256: sha256Of(request) });
    response.writeHead(200, { ETag: ETAG, 'Content-Length': 0 }).end();
  } else if (request.method === 'HEAD') {
    if (known === undefined) response.writeHead(404).end();
    else {
      const { bytes, sha256 } = known;
      const described = { 'Content-Length': bytes, 'x-amz-meta-sha256': sha256 };
      response.writeHead(200, { ETag: ETAG, 'Last-Modified': LAST_MODIFIED, ...described }).end();
    }
  } else if (request.method === 'DELETE') {
    objects.delete(path);
    response.writeHead(204).end();
  } else if (known === undefined)
    response.writeHead(200, { 'Content-Type': 'application/xml' }).end(EMPTY_LIST);
  else response.writeHead(405).end();
}

/** An object that is sent in parts: begun, sent, completed or given up. */
function answerInParts(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  upload: string | null,
  bytes: number,
): void {
  const { method } = request;
  if (method === 'GET') {
    response.writeHead(200, { 'Content-Type': 'application/xml' }).end(NO_UPLOADS);
    return;
  }
  const id = upload ?? `${(begun += 1)}-${sha256Of(request)}`;
  const soFar = parts.get(id) ?? 0;
  if (method === 'PUT') {
    parts.set(id, soFar + bytes);
    response.writeHead(200, { ETag: ETAG, 'Content-Length': 0 }).end();
    return;
  }
  if (method === 'DELETE') {
    parts.delete(id);
    response.writeHead(204).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': 'application/xml' });
  if (upload === null) {
    response.end(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    return;
  }
  objects.set(path, { bytes: soFar, sha256: id.split('-')[1] ?? '' });
  parts.delete(id);
  const done = `<Key>${path}</Key><ETag>${ETAG}</ETag>`;
  response.end(`<CompleteMultipartUploadResult>${done}</CompleteMultipartUploadResult>`);
}

function sha256Of({ headers }: IncomingMessage): string {
  return String(headers['x-amz-meta-sha256'] ?? '');
}

const server = createServer((request, response) => {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.on('end', () => {
    if (delayMs === 0) answer(request, response, bytes);
    else setTimeout(() => answer(request, response, bytes), delayMs);
  });
});
server.on('checkContinue', (request, response) => {
  response.writeContinue();
  server.emit('request', request, response);
});
server.keepAliveTimeout = 65_000;
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});
