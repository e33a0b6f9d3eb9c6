import type { Redis } from 'ioredis';
import type { Side } from '../../domain/side.ts';
import type { RunScript } from '../scripts/index.ts';

/** One side of a link as the engine sees it: the data connection and our scripts on it. */
export type SidePort = {
  readonly side: Side;
  readonly redis: Redis;
  readonly run: RunScript;
};

export type SidePorts = Readonly<Record<Side, SidePort>>;
