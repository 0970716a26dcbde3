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

/** An object's address as `aws` writes it, `s3://bucket/key`; undefined for any other text. */
export function objectAddress(text: string): { readonly bucket: string; readonly key: string } | undefined {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(text) ?? [];
  return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

/** The key in the address of an object of this bucket; any other text is what it is. */
export function keyAt(text: string, { bucket }: Pick<PlaceSettings, 'bucket'>): string {
  const address = objectAddress(text);
  return address?.bucket === bucket ? address.key : text;
}
