/** A number of a PAX header; undefined for anything else. Some writers fill up numbers with zeros or spaces. */
export function decimal(bytes: Uint8Array): number | undefined {
  const digits = /^ *0*([0-9]{1,16}) *$/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
  return digits === undefined ? undefined : Number(digits);
}
