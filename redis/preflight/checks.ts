import { APP_USERS_NAMED, APP_USERS_RIGHT, FENCE } from './app-users.ts';
import { CLUSTER } from './cluster.ts';
import { BACKUP_SPACE, FILES } from './disk.ts';
import { FIELD_TTLS } from './field-ttls.ts';
import { CONTESTED, EMPTY_DATASETS, OCCUPIED, OWNERSHIP, UNMATCHED } from './keys.ts';
import { EVICTION, IDLE_TIMES, MEMORY } from './memory.ts';
import { MODE, RETENTION, STORES } from './plan-wide.ts';
import { PAYLOAD, PROBE, SCRATCH } from './probes.ts';
import { RIGHTS } from './rights.ts';
import {
  CLAIM,
  FORK_MEMORY,
  OTHER_DATABASES,
  OUTPUT_BUFFER,
  PERSISTENCE,
  ROLE,
  ROUND_TRIP,
  VERSION,
} from './server.ts';
import { CLOCK, SAME_DATABASE, SHARED_SERVER } from './topology.ts';
import { TRANSFORMABLE_DOWN, TRANSFORMABLE_UP } from './transformable.ts';
import type { NamedCheck } from './world.ts';

/** Every check, in the order in which an operator reads them: docs/preflight.md is held to this list by a test. */
export const CHECKS: readonly NamedCheck[] = [
  VERSION,
  ROLE,
  CLUSTER,
  RIGHTS,
  SAME_DATABASE,
  SHARED_SERVER,
  CLOCK,
  CLAIM,
  APP_USERS_NAMED,
  APP_USERS_RIGHT,
  FENCE,
  PROBE,
  PAYLOAD,
  FIELD_TTLS,
  SCRATCH,
  MEMORY,
  EVICTION,
  IDLE_TIMES,
  FORK_MEMORY,
  PERSISTENCE,
  OUTPUT_BUFFER,
  ROUND_TRIP,
  OTHER_DATABASES,
  STORES,
  OWNERSHIP,
  UNMATCHED,
  EMPTY_DATASETS,
  CONTESTED,
  OCCUPIED,
  TRANSFORMABLE_UP,
  TRANSFORMABLE_DOWN,
  BACKUP_SPACE,
  FILES,
  RETENTION,
  MODE,
];
