// Lists in pages, the same for the commands' `--json` and for the API: `{rows, next}`, each row with an opaque id, `next` an
// opaque cursor that the next page is asked for with.
export { everyPage } from './every-page.ts';
export { cursorOf, pageOf, readCursor, readId, type Page } from './page.ts';
