import { APP_RIGHTS } from './checks/app-rights.ts';
import { APP_USERS_RIGHT } from './checks/app-users.ts';
import { CLUSTER } from './checks/cluster.ts';
import { BACKUP_SPACE, FILES } from './checks/disk.ts';
import { FENCE, SAVED_FENCE } from './checks/fence.ts';
import { FIELD_TTLS } from './checks/field-ttls.ts';
import { CONTESTED, EMPTY_DATASETS, OCCUPIED, OWNERSHIP, UNMATCHED } from './checks/keys.ts';
import { EVICTION, IDLE_TIMES, MEMORY } from './checks/memory.ts';
import { ALLOWED, MODE, RETENTION, STORES } from './checks/plan-wide.ts';
import { PAYLOAD, PROBE, SCRATCH } from './checks/probes.ts';
import { REPLICAS } from './checks/replicas.ts';
import { RIGHTS } from './checks/rights.ts';
import {
  CLAIM,
  FORK_MEMORY,
  OTHER_DATABASES,
  OUTPUT_BUFFER,
  PERSISTENCE,
  ROLE,
  ROUND_TRIP,
  VERSION,
} from './checks/server.ts';
import { CLOCK, SAME_DATABASE, SHARED_SERVER } from './checks/topology.ts';
import { TRANSFORMABLE_DOWN, TRANSFORMABLE_UP } from './checks/transformable.ts';
import type { NamedCheck } from './world.ts';
import { APP_USERS_NAMED, OTHER_WRITERS } from './checks/writers.ts';

/** Every check, in the order in which an operator reads them. A test compares docs/preflight.md with this list. */
export const CHECKS: readonly NamedCheck[] = [
  VERSION,
  ROLE,
  CLUSTER,
  REPLICAS,
  RIGHTS,
  SAME_DATABASE,
  SHARED_SERVER,
  CLOCK,
  CLAIM,
  APP_USERS_NAMED,
  APP_USERS_RIGHT,
  APP_RIGHTS,
  OTHER_WRITERS,
  FENCE,
  SAVED_FENCE,
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
  ALLOWED,
  BACKUP_SPACE,
  FILES,
  RETENTION,
  MODE,
];
