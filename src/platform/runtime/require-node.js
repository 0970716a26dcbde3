// Plain JavaScript on purpose: an old Node cannot load a .ts file, and better-sqlite3 kills it without a message.
// Every entry point imports this file before anything else.
const OLDEST_MAJOR = 26;

if (Number(process.versions.node.split('.')[0]) < OLDEST_MAJOR) {
  process.stderr.write(
    `wavspool needs Node ${OLDEST_MAJOR} or newer, this is ${process.version}: start it through "npm run -s wavspool -- …" or with node_modules/.bin/node, which is Node ${OLDEST_MAJOR}\n`,
  );
  process.exit(2);
}
