import { prepareSqlite } from '../../platform/sqlite/index.ts';
import { serveOffLoop } from '../../platform/runtime/index.ts';
import { putInPlace } from './put-in-place.ts';

// The same work in a thread of this process, or in a process with the rights of the database's owner.
serveOffLoop(putInPlace);
export { putInPlace as run, prepareSqlite as prepare };
