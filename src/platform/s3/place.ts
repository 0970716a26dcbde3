import type { Settings } from '../config/index.ts';

type PlaceSettings = Pick<Settings['s3'], 'endpoint' | 'region' | 'bucket' | 'prefix'>;

/** The endpoint as messages name it: without the user and password that an address can hold (P9). */
export function endpointOf({ endpoint, region }: Pick<PlaceSettings, 'endpoint' | 'region'>): string {
  if (endpoint === undefined) return `AWS ${region}`;
  const { protocol, host, pathname } = new URL(endpoint);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
}

/** Where recordings go: endpoint, bucket and what keys begin with. Two sites with the same one share their keys. */
export function storePlace(settings: PlaceSettings): string {
  return `${endpointOf(settings)}/${settings.bucket}/${settings.prefix}`;
}

const ADDRESS = /^s3:\/\/([^/]+)\/(.+)$/s;

/** The key in an address as `aws` writes it, `s3://bucket/key`, where that is this bucket; any other text is what it is. */
export function keyAt(text: string, { bucket }: Pick<PlaceSettings, 'bucket'>): string {
  const [, named, key] = ADDRESS.exec(text) ?? [];
  return key !== undefined && named === bucket ? key : text;
}
