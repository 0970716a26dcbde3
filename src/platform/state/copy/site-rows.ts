/** The columns that every ledger has, in the order in which they are written; the first is the key. */
export const TABLES = {
  extracted_tars:
    'path timestamp size mtime_ms sha256 recordings bytes skipped refused shared wavs receipt_for receipt_seq receipts receipt_intent extracted_removed_at incoming_removed_at'.split(
      ' ',
    ),
  uploads:
    'wav_path status timestamp error_message retry_count cause tar member size sha256 key etag version_id duration_ms codec sample_rate channels wav_valid tar_mtime_ms batch source_tar source_offset'.split(
      ' ',
    ),
} as const satisfies Record<string, readonly string[]>;

export type TableName = keyof typeof TABLES;
export type Value = string | number | null;
/** Values in the order of the table's columns. */
export type Row = readonly Value[];

/** The rows of one site in a ledger, as they stand there. */
export interface SiteRows {
  /** For people: a file, or an address without its password. */
  readonly name: string;
  /** Who works with them now, in words; none where no process does. */
  users(): Promise<readonly string[]>;
  /** By the bytes of their keys, in pages. */
  read(table: TableName): AsyncIterable<readonly Row[]>;
  /** All of them or none; a row of that key becomes this one. */
  write(table: TableName, rows: readonly Row[]): Promise<void>;
  close(): Promise<void>;
}
