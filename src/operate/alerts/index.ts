// Tells people of each problem of the verdict, by a webhook and by letter: once when it begins, now and then while it lasts, and when
// it is over. Start at keep-alerting.ts; what is told when is decided in decide.ts.
export { startAlerting, type AlertingDeps } from './keep-alerting.ts';
export { sendTest } from './send-test.ts';
