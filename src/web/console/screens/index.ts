import type { Shown } from '../html.ts';
import { AuditScreen } from './audit.ts';
import { BackupsScreen } from './backups.ts';
import { ComponentsScreen } from './components.ts';
import { EventsScreen } from './events.ts';
import { FailuresScreen } from './failures.ts';
import { LandingScreen } from './landing.ts';
import { NowScreen } from './now.ts';
import { RecordingScreen } from './recording.ts';
import { RecordingsScreen } from './recordings.ts';
import { SystemScreen } from './system.ts';
import { TarScreen } from './tar.ts';
import { TarsScreen } from './tars.ts';

/** A screen: where it is, what it is called, and what draws it. */
export interface Screen {
  readonly address: string;
  readonly title: string;
  readonly menu: boolean;
  /** Which entry of the menu it belongs to; its own without one. */
  readonly part?: string;
  /** What the host must use, else it is not in the menu. */
  readonly needs?: 'recordings';
  readonly view: (props: { path: string }) => Shown;
}

export const SCREENS: readonly Screen[] = [
  { address: '/', title: 'Now', menu: true, view: NowScreen },
  { address: '/failures', title: 'Failures', menu: true, needs: 'recordings', view: FailuresScreen },
  { address: '/recordings', title: 'Recordings', menu: true, needs: 'recordings', view: RecordingsScreen },
  { address: '/recordings/', title: 'Recording', menu: false, part: '/recordings', view: RecordingScreen },
  { address: '/tars', title: 'Tars', menu: true, needs: 'recordings', view: TarsScreen },
  { address: '/tars/', title: 'Tar', menu: false, part: '/tars', view: TarScreen },
  { address: '/landing', title: 'Landing', menu: true, needs: 'recordings', view: LandingScreen },
  { address: '/audit', title: 'Audit', menu: true, needs: 'recordings', view: AuditScreen },
  { address: '/backups', title: 'Backups', menu: true, view: BackupsScreen },
  { address: '/system', title: 'System', menu: true, view: SystemScreen },
  { address: '/events', title: 'Events', menu: true, view: EventsScreen },
  { address: '/components', title: 'Components', menu: false, view: ComponentsScreen },
];

/** The screen at an address; the first one for one that there is not. */
export function screenOf(path: string): Screen {
  const exact = SCREENS.find(({ address }) => address === path);
  const below = SCREENS.find(
    ({ address }) => address.length > 1 && address.endsWith('/') && path.startsWith(address),
  );
  return exact ?? below ?? (SCREENS[0] as Screen);
}
