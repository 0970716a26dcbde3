// The columns that rows are read with, by name: `*` would not outlive a migration.

const UPLOADS =
  'rowid wav_path status timestamp error_message retry_count cause tar member size sha256 key etag version_id duration_ms codec sample_rate channels wav_valid tar_mtime_ms batch source_tar source_offset'.split(
    ' ',
  );
const TARS =
  'path timestamp size mtime_ms sha256 recordings bytes skipped refused shared wavs receipt_for receipts receipt_intent'.split(
    ' ',
  );

/** Of `uploads`, as `UploadsRecord`. */
export const RECORDING = UPLOADS.join(', ');
/** The same, of a table that is called `u`. */
export const RECORDING_OF_U = UPLOADS.map((column) => `u.${column}`).join(', ');
/** Of `extracted_tars` called `t`, as `TarsRecord`. */
export const TAR_OF_T = TARS.map((column) => `t.${column}`).join(', ');

/** A row that stands for a tar which could not be extracted has its own path as its tar. */
export const IS_RECORDING = '(tar IS NULL OR tar <> wav_path)';
