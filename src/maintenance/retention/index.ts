// Which of the dated things that a schedule made stay, which go, and why; and the names by which they are known again.
export { fileNames, type FileNames } from './file-names.ts';
export { keepInWords } from './in-words.ts';
export { momentOf, namePattern, safeLabel, type DatedName, type NamePattern } from './names.ts';
export { applyKeep, usualStep, type Dated, type Judged, type Keep, type Weekday } from './policy.ts';
