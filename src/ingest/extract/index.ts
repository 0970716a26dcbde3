// From a tar to recordings: every .wav member becomes a file with its hash and a row, or nothing of the tar does.
export { startExtraction } from './start-extraction.ts';
export { extractDeps, type ExtractDeps } from './deps.ts';
export { extractTar } from './extract-tar.ts';
export { candidatePaths, tarStem } from './place.ts';
