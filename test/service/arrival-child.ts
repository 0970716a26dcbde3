import { startArrival } from '../../src/ingest/arrival/index.ts';
import { recordingDeps, SETTINGS } from './arrival-rig.ts';

// Arrival on the directory that is named, in a process of its own; every report and every queued tar is a line of JSON.

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const [incoming = ''] = process.argv.slice(2);
const { deps } = recordingDeps(incoming, {
  settings: { ...SETTINGS, rescanSeconds: 1 },
  report: (event, fields) => {
    const code =
      'err' in fields && fields.err instanceof Error && 'code' in fields.err ? fields.err.code : '';
    say({ event, code, ...fields });
  },
});
const arrival = await startArrival(deps);
process.stdin.resume().once('end', () => void arrival.stop());
