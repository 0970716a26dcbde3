// What was, for people: figures by minute for 30 days, what was reported, and who did what. Start at keep-history.ts.
export { secondsUntilDone, secondsUntilFull } from './forecast.ts';
export { keepEvents, keepMinutes } from './keep-history.ts';
export { MARKING, marksOf, type Mark } from './marks.ts';
export { newEvent } from './new-event.ts';
export { openHistory } from './open-history.ts';
