/** One recording as the store is to have it. */
export interface ObjectToPut {
  readonly key: string;
  /** Absolute path of the file to send; with `within` only its name. */
  readonly path: string;
  /** The file that its bytes are a part of, if it has none of its own. */
  readonly within?: FilePart | undefined;
  /** Bytes; a file of another size is refused. */
  readonly size: number;
  /** Lower-case hex; a file with another hash is refused. */
  readonly sha256: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentType: string;
}

/** Where a part of a file begins. */
export interface FilePart {
  /** Absolute path. */
  readonly file: string;
  /** The directory above it that is taken at its word: from there on no link is followed (P13). */
  readonly below: string;
  readonly offset: number;
}

/** What of an object is needed to recognise it. */
export type DescribedObject = Pick<ObjectToPut, 'key' | 'path' | 'size' | 'sha256'>;

/** What the store said about an object that is now there. */
export interface PutResult {
  readonly etag: string;
  readonly versionId: string | undefined;
  /** True when the same bytes were there before (P5: a repeated upload is harmless). */
  readonly alreadyThere: boolean;
}

export interface ObjectHead {
  readonly size: number;
  readonly etag: string;
  readonly versionId: string | undefined;
  /** Keys in lower case, without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes by their place, from 0; both ends belong to it. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  /** When the store got it, ms since 1970 by the store's clock. */
  readonly modified: number;
}

/** An S3-compatible store. Every method throws WavspoolError with a store fault; no other folder knows an SDK error. */
export interface ObjectStore {
  /**
   * Puts the file under its key unless another object is there (P5), with its SHA-256 as the signed payload hash (P4).
   * Throws RECORDING_CHANGED or RECORDING_MISSING when the file is not the one described, KEY_TAKEN when different bytes
   * have the key, else a store fault. Safe to repeat. What a failed multipart upload leaves behind is aborted.
   */
  putIfAbsent(object: ObjectToPut, signal: AbortSignal): Promise<PutResult>;
  /**
   * What {@link putIfAbsent} would say if the key already held these bytes; undefined when it holds nothing. Throws KEY_TAKEN
   * when different bytes have it, else a store fault.
   */
  objectIfThere(object: DescribedObject, signal: AbortSignal): Promise<PutResult | undefined>;
  /** The object's head, or undefined when there is none. */
  head(key: string, signal: AbortSignal): Promise<ObjectHead | undefined>;
  /** The object's bytes; with `range` only those from the one to the other, both included. */
  get(key: string, signal: AbortSignal, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  /** Every object whose key begins with `prefix`, in the order of the bytes of their keys. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<ListedObject>;
  /**
   * Moves an object to another key on the store's side, for what has a recording's key and is not that recording. The other
   * key must be free. Throws STORE_ERROR for an object above 5 GiB, which S3 does not copy in one request.
   */
  move(key: string, to: string, signal: AbortSignal): Promise<void>;
  /** Removes one object, which need not be there: a probe's, or a copy that retention lets go of; never a recording. */
  remove(key: string, signal: AbortSignal): Promise<void>;
  /** Throws the store fault that stands in the way of using the bucket, if any. One cheap request. */
  check(signal: AbortSignal): Promise<void>;
  /**
   * Throws the store fault that keeps a body of so many bytes from getting through, if any. Nothing is left in the bucket;
   * more than 128 KiB are not sent.
   */
  checkBody(bytes: number, signal: AbortSignal): Promise<void>;
  /** Throws the store fault that keeps a small object from being written, if any. It is removed again, where that is allowed. */
  checkWrite(signal: AbortSignal): Promise<void>;
  /** Aborts multipart uploads below the prefix that began before `before` (ms since 1970); returns how many. */
  abortStaleUploads(before: number, signal: AbortSignal): Promise<number>;
  /** What the store really honours, found out with probe objects below the prefix, for `doctor`. */
  probe(signal: AbortSignal): Promise<readonly StoreFinding[]>;
  /** Begins to find out what the first put would have to (where the bucket is, credentials), and asks the store nothing. */
  prepare(): void;
  close(): void;
}

export interface StoreFinding {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly remedy: string;
  /** It works as it is, and the remedy makes it better. */
  readonly isAdvice?: boolean;
}
