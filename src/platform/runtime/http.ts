/**
 * Node's `http`, but not as an ES module: an import of that reads everything that it exports, `WebSocket` among it, for which Node
 * loads undici, and every start of a role or a command would pay 40 ms of CPU for it.
 */
export const http = process.getBuiltinModule('node:http');
